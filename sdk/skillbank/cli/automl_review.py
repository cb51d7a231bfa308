"""`automl review`: what a search would do and how long it would take, before it is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from skillbank.cli.output import DONE, print_json
from skillbank.cli.planning import RequestOptions, read_request


@dataclass(frozen=True, kw_only=True)
class ReviewOptions(RequestOptions):
    """What `automl review` takes."""

    skill: Annotated[str, typer.Argument(metavar="SKILL", help="Name of a skill.")]
    action: Annotated[str, typer.Argument(metavar="ACTION", help="Its action: train.")] = "train"
    no_measure: Annotated[
        bool, typer.Option("--no-measure", help="Train no first steps; estimate no time.")
    ] = False


def review(options: ReviewOptions) -> int:
    """Review a search before it starts: data, goal, space, first points, measured time."""
    from skillbank.search.preview import preview_search
    from skillbank.search.review import render_review

    request = read_request(options, options.skill, options.action)
    found = preview_search(options.client(), request, measures=not options.no_measure)
    if options.as_json:
        print_json(found)
    else:
        print(render_review(found))
        print("\nnothing was started; the same request with 'skillbank run' starts the search")
    return DONE


COMMANDS = (review,)
