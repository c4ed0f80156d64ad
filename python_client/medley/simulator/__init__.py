"""A simulated social network whose tastes are known, to judge by what cannot be known elsewhere."""
