"""The description of the local API in OpenAPI 3.1, derived from the method table. Knows no HTTP server."""

from typing import Any

import msgspec

from p2plearn import __version__
from p2plearn.node.api.methods import Method

_ERROR = {
    "description": "What went wrong, in words for people and a code for programs",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error"],
                "properties": {
                    "error": {
                        "type": "object",
                        "required": ["code", "message", "hint"],
                        "properties": {name: {"type": "string"} for name in ("code", "message", "hint")},
                    }
                },
            }
        }
    },
}
_OBJECT = {"application/json": {"schema": {"type": "object"}}}
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def describe(methods: dict[str, Method]) -> dict[str, Any]:
    """The whole document; one POST a method, and the four routes that carry files."""
    schemas, components = msgspec.json.schema_components([method.arguments for method in methods.values()])
    posts = {
        f"/api/v1/{method.name}": {"post": _operation(method.name, method.about, body={"application/json": {"schema": schema}})}
        for method, schema in zip(methods.values(), schemas, strict=True)
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "p2plearn local API", "version": __version__},
        "security": [{"token": []}],
        "paths": posts | _files(),
        "components": {"schemas": components, "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }


def _files() -> dict[str, Any]:
    name, topic = _parameter("name", "query", required=True), _parameter("topic", "query", required=False)
    return {
        "/api/v1/attachments": {"put": _operation("put_attachment", "Store a file.", body=_FILE, parameters=[name])},
        "/api/v1/attachments/{cid}": {
            "get": _operation("open_attachment", "A stored file.", answer=_FILE, parameters=[_parameter("cid", "path", required=True)])
        },
        "/api/v1/import": {"put": _operation("import_bundle", "Take in an export.", body=_FILE, parameters=[name])},
        "/api/v1/export": {"get": _operation("export_bundle", "What is here, as one file.", answer=_FILE, parameters=[topic])},
    }


def _parameter(name: str, place: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def _operation(name: str, about: str, *, body: Any = None, answer: Any = None, parameters: list[Any] | None = None) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": about,
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": {"required": True, "content": body}} if body else {}),
        "responses": {"200": {"description": "Done", "content": answer or _OBJECT}, "default": _ERROR},
    }
