"""Scores as stacked bars, one colour a term, and from where a row of a list moved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rich.text import Text

BAR = 40


def legend(breakdowns: Iterable[Mapping[str, float]], colors: Mapping[str, str]) -> Text:
    """The colours of the terms that occur."""
    used = {term for breakdown in breakdowns for term, points in breakdown.items() if points > 0}
    text = Text()
    for term, color in colors.items():
        if term in used:
            text.append("█ ", style=color).append(f"{term}  ")
    return text


def bar(breakdown: Mapping[str, float], colors: Mapping[str, str], widest: float) -> Text:
    """The terms as lengths, in the order of `colors`; their ends are rounded together.

    What is negative goes first and eats into what follows, so that the bar is as long as the score.
    """
    text, total, drawn = Text(), 0.0, 0
    known = [term for term in colors if term in breakdown]
    terms = known + [term for term in breakdown if term not in colors]
    for term in sorted(terms, key=lambda term: breakdown[term] >= 0):
        total += breakdown[term]
        end = round(max(total, 0) / widest * BAR) if widest > 0 else 0
        text.append("█" * (end - drawn), style=colors.get(term, "default"))
        drawn = max(drawn, end)
    return text.append(" " * (BAR - drawn))


def points(breakdown: Mapping[str, float], digits: int) -> str:
    """The terms in words, the largest first; what rounds to nothing is left out."""
    terms = sorted(breakdown.items(), key=lambda term: -abs(term[1]))
    return ", ".join(
        f"{term} {value:.{digits}f}" for term, value in terms if round(value, digits) != 0
    )


def moved(rank: int, score: float, before: Mapping[str, tuple[int, float]], key: str) -> str:
    """From where a row came, and what it gained; `before` has rank and score by id."""
    if key not in before:
        return f"new, was below {len(before)}"
    was, had = before[key]
    place = f"up from {was}" if was > rank else f"down from {was}" if was < rank else ""
    gain = f"{(score - had) / had:+.0%}" if had and abs(score - had) >= had / 200 else ""
    return ", ".join(filter(None, (place, gain)))
