"""All that is wrong in a search file, in the order of the file.

raise_all(scope.problems, problems_in(node, base))
"""

from __future__ import annotations

from archsearch.errors import Problem, SpecError


def raise_all(read: list[Problem], checked: list[Problem]) -> None:
    """Raise all problems in the order of the file; what could not be read as open is not told as closed too."""
    places = {problem.where for problem in read}
    problems = [*read, *(problem for problem in checked if problem.where not in places)]
    if problems:
        raise SpecError(sorted(problems, key=lambda problem: place_order(problem.where)))


def place_order(where: str) -> tuple[int, int]:
    """Give line and column of a place, to sort by."""
    line, _, column = where.rpartition(":")
    numbers = (line.rpartition(":")[2], column)
    return (int(numbers[0]), int(numbers[1])) if all(number.isdigit() for number in numbers) else (0, 0)
