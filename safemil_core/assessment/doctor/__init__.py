"""What is wrong with a run, its labels and its data: findings with evidence, probable cause and cure."""
