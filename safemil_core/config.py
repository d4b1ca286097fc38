"""The settings of a run: frozen, validated where they are made, one model per stage, to and from JSON.

A field's description says what turning it up does; the command line and the pages show it as help.
The defaults are the paper's (arXiv 2511.08136, section 5 and appendix) except where the README's table of
measurements says why not; `RunConfig.paper()` gives the paper's values unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from safemil_core.errors import InvalidConfig
from safemil_core.settings import Settings

Method = Literal["safemil", "bc", "dwbc_nu", "trex_wbc", "safedice", "osil", "oracle_bc", "oracle_weights"]
Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=8192)], ...], Field(max_length=8)]


_PLAIN_NETWORK = {
    "network": "mlp",
    "inputs": "all",
    "sparsity": 0.0,
    "relative_sparsity": False,
    "gradient_penalty": 0.0,
    "input_masking": 0.0,
    "costly_rate": 1.0,
    "aggregator": "sum",
}
"""The paper's, with bags as the paper draws them, and the only one that earlier versions knew."""


def usual_learning_rate(network: str, window: int) -> float:
    """The step size that suits a cost network: a perceptron learns in smaller steps than curves, and so do windows of
    several steps, whose scores are larger."""
    if network == "mlp":
        return 1e-3
    return 8e-3 if window == 1 else 2e-3


ENOUGH_PREFERRED = 50
"""Trajectories marked preferred, from which on bags of them weigh all that they are to weigh."""


class CostConfig(Settings):
    """The cost network c(s, a) in (0, 1) and how it is learned from bags."""

    network: Literal["mlp", "additive", "pairwise"] = Field(
        "additive",
        description="What makes the cost of a step. mlp: the paper's, a perceptron, which can recognise a policy by "
        "many inputs together. additive: a curve for each input, summed; the page Costs draws them. pairwise: also a "
        "surface for each pair of inputs.",
    )
    inputs: Literal["all", "observations"] = Field(
        "observations",
        description="What the network sees of a step. observations: not its action, by which a policy is easily told.",
    )
    sparsity: float = Field(
        0.0007,
        ge=0,
        le=10,
        description="Pull of whole inputs towards having no effect (group lasso): of the curve of each input, or of "
        "its weights in the first layer of an mlp. More: fewer inputs count.",
    )
    relative_sparsity: bool = Field(
        True,
        description="Of curves: multiply that pull by what all inputs together tell of the marked before anything is "
        "learned, so that one number fits data in which few inputs tell and in which many do. Off: in units of the "
        "loss.",
    )
    gradient_penalty: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Weight of the squared slope of the cost's logit over its inputs, beside the loss. More: flatter.",
    )
    input_masking: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of the inputs that the network has to do without in each update, drawn anew for each.",
    )
    hidden_sizes: Widths = Field(
        (256, 256),
        description="Width of each hidden layer of an mlp. Wider networks fit finer cost regions, and memorise sooner.",
    )
    bag_size: int = Field(
        128,
        ge=1,
        le=4096,
        description="K, trajectories in a bag. More: an unlabelled bag is likelier to hold a safe one.",
    )
    window: int = Field(
        1, ge=0, description="H, consecutive steps taken from each trajectory of a bag; 0 takes whole trajectories."
    )
    gamma: float = Field(
        0.99, gt=0, le=1, description="Discount per step. Below 1, later steps count less towards a trajectory's cost."
    )
    learning_rate: float = Field(
        usual_learning_rate("additive", window=1),
        gt=0,
        le=1,
        description="Step size of the cost network. An mlp wants smaller ones, 0.001, and so do windows of several "
        "steps, whose scores are larger, 0.002.",
    )
    decay: bool = Field(
        True,
        description="Let the step size fall to 0 by half a cosine, so that few updates are enough and the last bags "
        "drawn do not matter. Off: it stays.",
    )
    updates: int = Field(
        1_000,
        ge=1,
        description="Updates of the cost network, one set of bags each, at most. Training on adds little, and on some "
        "data an mlp begins to recognise policies instead of unsafe steps.",
    )
    settle: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="Stop earlier, once the order of the steps by cost hardly changes: twice in a row, 1 minus the "
        "rank correlation with their order at half as many updates is below this. Larger: sooner. 0: never.",
    )
    aggregator: Literal["sum", "log_sum_exp", "attention", "deep_sets"] = Field(
        "log_sum_exp",
        description="How the steps of a bag make its score. sum: the paper's, discounted costs added up, which a bit "
        "of cost on every step of a policy raises too. log_sum_exp: between their mean and their maximum, so that few "
        "steps that cost much count for more. attention: the network says which steps count (gated attention). "
        "deep_sets: a function of the mean of learned features.",
    )
    sharpness: float = Field(
        0.75,
        ge=1e-3,  # by far less, float32 has no digits left of what tells steps apart
        le=1_000,
        description="Of log_sum_exp. Larger: the costliest steps of a bag alone decide; towards 0 it becomes the sum.",
    )
    members: int = Field(
        1,
        ge=1,
        le=32,
        description="Cost networks trained side by side from other bags, and other first weights where there is a "
        "perceptron (curves all begin at 0); the cost is their mean, and their deviation says how sure it is.",
    )
    image_features: int = Field(
        64,
        ge=1,
        le=4096,
        description="Where observations have images: numbers that a convolutional network makes of each. More: it can "
        "tell finer differences, and sees more in chance ones.",
    )
    preferred_weight: float = Field(
        1.0,
        ge=0,
        le=100,
        description=f"Where {ENOUGH_PREFERRED} trajectories or more are marked preferred: weight of the losses of "
        "non-preferred and of unlabelled against preferred bags, beside the paper's; of fewer, so much less. 0: they "
        "count as unlabelled.",
    )
    costly_rate: float = Field(
        0.1,
        gt=0,
        le=1,
        description="How often unlabelled bags draw a trajectory of the costlier half, by what is learned so far, "
        "against one of the other half. Less: they hold fewer unsafe ones. 1: all alike, as in the paper.",
    )
    failure_modes: int = Field(
        1,
        ge=1,
        le=64,
        description="Above 1: the non-preferred are clustered into so many kinds by their learned costs, and bags draw "
        "from all kinds alike, so that a rare failure is not drowned by a frequent one.",
    )

    @classmethod
    def of_file(cls, values: dict[str, Any]) -> Self:
        """As a file holds them; what an earlier version did not know yet is as it was then.

        Raises:
            InvalidConfig: a key is unknown or a value out of range.
        """
        return cls(**_PLAIN_NETWORK | values)

    def weight_of_preferred(self, n: int) -> float:
        """`preferred_weight` of so many trajectories: a few are alike in more than in being preferred, and bags of them
        alone would make costly all that these few do not do."""
        return self.preferred_weight * min(1.0, n / ENOUGH_PREFERRED)

    @model_validator(mode="after")
    def _has_logits(self) -> Self:
        if self.gradient_penalty > 0 and self.aggregator == "deep_sets":
            raise InvalidConfig("gradient_penalty goes by the logit of a step, and deep_sets has none; use another")
        return self


class WeightConfig(Settings):
    """How step costs become weights of behaviour cloning."""

    scheme: Literal["split", "trajectory", "step", "threshold"] = Field(
        "split",
        description="split: 1 for the trajectories whose mean cost of a step lies in the least costly group that "
        "stands clearly apart, else 0. trajectory: exp(-C / beta), Eq. 12. step: 1 - c(s, a), Eq. 14. threshold: 1 "
        "for trajectories of cost C up to the threshold, else 0.",
    )
    beta: float = Field(
        20.0,
        gt=0,
        description="Temperature of the trajectory scheme, in units of C, which sums over whole trajectories. Smaller: "
        "costly trajectories lose their weight faster.",
    )
    threshold: float = Field(1.0, ge=0, description="Largest trajectory cost C that the threshold scheme keeps.")
    per_length: bool = Field(
        True,
        description="Divide C by the trajectory's discounted length (times the longest), so that an episode that ends "
        "early is not taken for a safe one. No effect where all have the same length.",
    )


class BaselineConfig(Settings):
    """What the methods beside SafeMIL learn by (`RunConfig.method`). Of `cost` they take the discount, the width of
    layers and whether the step size falls."""

    learning_rate: float = Field(3e-4, gt=0, le=1, description="Step size of all networks but the policy.")
    updates: int = Field(2_000, ge=1, description="Updates of what scores the steps.")
    batch_size: int = Field(
        64,
        ge=1,
        le=4096,
        description="Steps, or windows of steps, of the non-preferred and of the unlabelled an update.",
    )
    unsafe_share: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="dwbc_nu: share of the unlabelled steps that is taken to be non-preferred (eta). Larger: fewer of "
        "the unlabelled count as good.",
    )
    gradient_penalty: float = Field(
        10.0,
        ge=0,
        le=1_000,
        description="safedice: weight that keeps the slope of the discriminator's logit near 1. Larger: smoother.",
    )
    value_weight: float = Field(
        2.5, ge=0, description="osil: weight of the policy's expected cost beside its cloning loss. Larger: safer."
    )
    temperature: float = Field(
        1.0, gt=0, description="osil: of the advantages that adapt that weight. Smaller: it reacts more."
    )
    cost_limit: float = Field(
        0.0,
        ge=0,
        description="oracle_bc: largest true cost of a trajectory that counts as truly safe; or that of the cheapest "
        "tenth of the unmarked, where it is larger.",
    )


class PolicyConfig(Settings):
    """The policy: a tanh-squashed mixture of Gaussians, by weighted behaviour cloning."""

    components: int = Field(2, ge=1, le=32, description="Gaussians in the mixture: ways to act in one state.")
    hidden_sizes: Widths = Field((256, 256), description="Width of each hidden layer.")
    image_features: int = Field(
        64,
        ge=1,
        le=4096,
        description="Where observations have images: numbers that a convolutional network makes of each.",
    )
    loss: Literal["log_likelihood", "squared_error"] = Field(
        "squared_error",
        description="squared_error: of a reparameterised sample, as the authors train. log_likelihood: the textbook "
        "form, which keeps the modes of a mixed dataset apart.",
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Step size of the policy.")
    decay: bool = Field(
        True,
        description="Let the step size fall to 0 by half a cosine, so that few updates are enough. Off: it stays.",
    )
    batch_size: int = Field(256, ge=1, le=65_536, description="State-action pairs an update.")
    updates: int = Field(5_000, ge=1, description="Updates of the policy.")


class OptimiserConfig(Settings):
    """How the weights of all networks are changed."""

    kind: Literal["adamw", "adam"] = Field(
        "adamw", description="adamw: weight decay apart from the gradient. adam: in it."
    )
    weight_decay: float = Field(0.01, ge=0, le=10, description="Pull of all weights towards 0.")
    gradient_clip: float = Field(
        10.0, gt=0, description="Largest norm of a gradient; longer ones are scaled down to it."
    )


class RunConfig(Settings):
    """Everything that decides the outcome of a run, beside the dataset and its labels."""

    cost: CostConfig = CostConfig()
    weights: WeightConfig = WeightConfig()
    baseline: BaselineConfig = BaselineConfig()
    policy: PolicyConfig = PolicyConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    method: Method = Field(
        "safemil",
        description="How the cloned steps are weighed. safemil: by the cost that bags teach. The others are baselines "
        "(see learning/baselines) with settings of their own; oracle_bc and oracle_weights are told the true costs.",
    )
    normalise: bool = Field(True, description="Scale every input to mean 0 and deviation 1 over the dataset.")
    schedule: Literal["cost_first", "alternate"] = Field(
        "cost_first",
        description="cost_first: the policies begin when the cost is learned, with their final weights. alternate: "
        "cost network and policies take turns, as the authors train.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Of the networks' products. bfloat16 is up to twice as fast on processors that have it, with "
        "results that differ in the third digit; weights and losses stay float32.",
    )
    seed: int = Field(0, ge=0, lt=2**31, description="Seed of every random draw.")
    log_every: int = Field(10, ge=1, description="Updates between two rows of metrics.")
    checkpoint_every: int = Field(2_000, ge=1, description="Updates between two checkpoints.")
    rescore_every: int = Field(
        100,
        ge=1,
        description="Updates between two scorings of the trajectories while the cost network learns: for the weights "
        "where the schedule alternates, for costly_rate and for failure_modes.",
    )

    @classmethod
    def paper(cls) -> Self:
        """The values of the paper and its authors' code, without any of our departures."""
        return cls(
            cost=CostConfig(
                **_PLAIN_NETWORK,
                window=10,
                learning_rate=3e-4,
                decay=False,
                updates=1_000_000,
                settle=0.0,
                preferred_weight=0.0,
            ),
            weights=WeightConfig(scheme="trajectory", beta=0.6, per_length=False),
            baseline=BaselineConfig(updates=1_000_000, batch_size=256),
            policy=PolicyConfig(learning_rate=3e-4, decay=False, updates=1_000_000),
            schedule="alternate",
            rescore_every=250,
        )

    @classmethod
    def plain(cls) -> Self:
        """Our defaults, but for the paper's network and bags, trained briefly, and its weights of steps: what curves
        and splits are compared with, in seconds."""
        rate = usual_learning_rate("mlp", window=1)
        return cls(
            cost=CostConfig(**_PLAIN_NETWORK, learning_rate=rate, updates=400), weights=WeightConfig(scheme="step")
        )

    @classmethod
    def of_file(cls, values: dict[str, Any]) -> Self:
        """As a file holds them, see `CostConfig.of_file`."""
        cost = values.get("cost")
        return cls(**values | {"cost": _PLAIN_NETWORK | cost} if isinstance(cost, dict) else values)

    def value_of(self, name: str) -> Any:
        """A setting by its name, one of `setting_names()`."""
        value: Any = self
        for key in name.split("."):
            value = getattr(value, key)
        return value

    def with_values(self, assignments: Iterable[str]) -> Self:
        """A copy with settings changed, each given as `section.key=value` or `key=value`, the value in JSON or bare.

        Raises:
            InvalidConfig: a key is unknown or a value out of range.
        """
        values = self.model_dump()
        for assignment in assignments:
            path, separator, text = assignment.partition("=")
            if not separator:
                raise InvalidConfig(f"expected key=value, got {assignment!r}; for example cost.bag_size=64")
            section, keys = values, path.strip().split(".")
            for key in keys[:-1]:
                section = section[key] if isinstance(section.get(key), dict) else {}
            if keys[-1] not in section or isinstance(section[keys[-1]], dict):
                raise InvalidConfig(f"unknown setting {path!r}; the settings are {', '.join(setting_names())}")
            section[keys[-1]] = _value(text.strip())
        return type(self)(**values)


def setting_names() -> list[str]:
    """Every setting as the command line spells it, for example `cost.bag_size`."""
    names = []
    for key, field in RunConfig.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            names += [f"{key}.{inner}" for inner in field.annotation.model_fields]
        else:
            names.append(key)
    return names


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # not JSON, or a number with too many digits
        return {"True": True, "False": False}.get(text, text)
