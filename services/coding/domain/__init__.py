"""Pure: the checks, the verdict and the decision. No I/O, no clock."""
