// Between the browser and Python: what came ahead of time waits here by its name, and a queue of keys of which Python
// acknowledges what it has applied; what it has not applied after a while is sent again.

function messagesOf(name) {
  const cache = new Map();
  const mount = `${Date.now()}-${Math.random()}`;
  // Keys belong to the browser's page: whoever mounts the element anew must not lose those on their way.
  const kept = ((window.__safemilPresses ??= {})[name] ??= { queue: [], count: 0, born: Date.now() * 1000 });
  const own = { cache, send: null, window: null, take, press, report, get pending() { return kept.queue.length; } };
  let data = null;

  function take(fresh) {
    data = fresh;
    kept.count = Math.max(kept.count, data.ack - kept.born); // a clock may have been set back
    for (const [what, value] of Object.entries(data.items)) cache.set(what, unpacked(value));
    for (const what of cache.keys()) if (!data.keep.includes(what)) cache.delete(what);
    kept.queue = kept.queue.filter((event) => event.number > data.ack);
    return missing();
  }

  const missing = () => (data ? data.keep.filter((what) => !cache.has(what)) : []);

  function press(key, trajectory, more = {}) {
    const number = kept.born + ++kept.count;
    kept.queue.push({ number, key, dataset: data.dataset, trajectory, reason: null, segment: null, ...more });
    kept.queue = kept.queue.slice(-500);
    report();
  }

  function report() {
    own.send({ mount, missing: missing(), events: kept.queue.slice(), window: own.window });
  }
  return own;
}
