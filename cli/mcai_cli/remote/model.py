"""A command that calls a route: what it is given, and where that goes."""

import msgspec


class Given(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that a command is given.

    Attributes:
        name: As the gateway calls it.
        place: Where it goes: "path", "query", "header" or "body".
        kind: "text", "integer", "number", "yes" (a flag), "texts" (it may be repeated) or "json".
        required: Whether the call makes no sense without it.
        choices: The only values that there are, if any.
        help: What it is.
    """

    name: str
    place: str
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    help: str = ""


class Command(msgspec.Struct, frozen=True, omit_defaults=True):
    """One route.

    Attributes:
        words: What is typed after `mcai`.
        method: The HTTP method.
        path: The path's template.
        help: What it does.
        given: What it takes.
        body: Media type of its body; empty if it has none.
        streams: Whether it may answer as a stream of events.
    """

    words: str
    method: str
    path: str
    help: str
    given: tuple[Given, ...] = ()
    body: str = ""
    streams: bool = False
