"""The one error that a person sees: what is wrong and what to do next."""


class StackError(Exception):
    """A condition that the user can mend.

    Args:
        problem: what is wrong, in one sentence.
        next_step: the command or change that mends it.
    """

    def __init__(self, problem: str, next_step: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.next_step = next_step
