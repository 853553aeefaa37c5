"""Training: the plan of a run, the engines that execute it, and the optimizers and regularizers of the paper."""
