"""The façade as a table: every public method of the service with its arguments, read from its signature.

The local API, its description in OpenAPI and the client without a node share it, so a method written once is reachable everywhere
and its arguments are checked everywhere the same. Knows nothing of HTTP, and of the service only what a signature tells.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias, get_type_hints

import msgspec

from p2plearn.errors import UsageError

Answer: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Method:
    """One thing a person can do. `arguments` is a msgspec.Struct with the parameters as its fields, unknown ones forbidden."""

    name: str
    about: str
    arguments: type[msgspec.Struct]

    def bind(self, service: object, given: Any) -> Callable[[], Awaitable[Answer]]:
        """The call with `given`, a dictionary of plain JSON values, as its arguments. Raises UsageError when they do not fit."""
        try:
            arguments = msgspec.convert(given, self.arguments, strict=True)
        except msgspec.ValidationError as error:
            raise UsageError(reason=f"The arguments of {self.name} do not fit: {error}") from None
        function: Callable[..., Awaitable[Answer]] = getattr(service, self.name)
        return lambda: function(**{name: getattr(arguments, name) for name in self.arguments.__struct_fields__})


@cache
def table(service: type) -> dict[str, Method]:
    """The methods of a service class by name: its public coroutine functions that take and give plain JSON values."""
    found = (
        _method(name, function)
        for name, function in inspect.getmembers(service, inspect.iscoroutinefunction)
        if not name.startswith("_") and get_type_hints(function).get("return") in (dict[str, Any], Answer)
    )
    return {method.name: method for method in found if method}


def find(methods: dict[str, Method], name: str) -> Method:
    """The method called `name`. Raises UsageError."""
    if name not in methods:
        raise UsageError(reason=f"There is no method “{name}”")
    return methods[name]


def _method(name: str, function: Callable[..., Awaitable[Answer]]) -> Method | None:
    hints = get_type_hints(function)
    fields: list[Any] = []
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        kind = hints[parameter.name]
        if not _plain(kind):
            return None  # a stream: it has a route of its own
        fields.append(
            (parameter.name, kind) if parameter.default is parameter.empty else (parameter.name, kind, _default(parameter.default))
        )
    arguments = msgspec.defstruct(f"{name}_arguments", fields, forbid_unknown_fields=True, kw_only=True)
    return Method(name, inspect.cleandoc(function.__doc__ or "").partition("\n\n")[0], arguments)


def _plain(kind: Any) -> bool:
    try:
        msgspec.json.schema(kind)
    except TypeError:
        return False
    return True


def _default(value: Any) -> Any:
    return msgspec.field(default_factory=lambda: list(value)) if isinstance(value, list | tuple) else value
