"""How good the recommendations are, beside tuned peers on the same split: `make accuracy`."""
