"""OAuth 2.1 for machines: the token endpoint, and what clients read to find it (RFC 8414) and to check tokens (RFC
7517)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, cast

import anyio.to_thread
import msgspec
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from gaugeblock.exchange.access import Access
from gaugeblock.exchange.access_errors import AssertionRefusedError
from gaugeblock.exchange.credentials import SCOPES
from gaugeblock.exchange.tokens import ASSERTION_TYPE, TOKEN_S, Assertion, check_assertion
from gaugeblock.plant.language import language_of
from gaugeblock.plant.times import Clock, to_rfc3339
from gaugeblock.stores.exchange_state import ExchangeState

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
METADATA_PATH = "/.well-known/oauth-authorization-server"
JWKS_PATH = "/.well-known/jwks.json"

WebRequest = Request[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class OAuthServices:
    """In the application's state under ``oauth``."""

    access: Access
    state: ExchangeState
    clock: Clock
    public_url: str


class TokenOut(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 6749, 5.1."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


def metadata_of(public_url: str) -> dict[str, Any]:
    """RFC 8414."""
    return {
        "issuer": public_url,
        "token_endpoint": public_url + TOKEN_PATH,
        "jwks_uri": public_url + JWKS_PATH,
        "grant_types_supported": ["client_credentials"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["EdDSA", "Ed25519", "ES256"],
        "scopes_supported": list(SCOPES),
        "service_documentation": public_url + "/portal",
    }


def _services(request: WebRequest) -> OAuthServices:
    return cast("OAuthServices", request.app.state.oauth)


@get(METADATA_PATH, sync_to_thread=False, include_in_schema=False)
def metadata(request: WebRequest) -> dict[str, Any]:
    """What an OAuth client needs to know of this server."""
    return metadata_of(_services(request).public_url)


@get(JWKS_PATH, sync_to_thread=False, include_in_schema=False)
def jwks(request: WebRequest) -> dict[str, Any]:
    """A JWK set."""
    return dict(_services(request).access.tokens.jwks())


class _RefusedError(Exception):
    """How the token endpoint refuses (RFC 6749, 5.2)."""

    def __init__(self, status: int, error: str, description: str) -> None:
        self.status, self.error, self.description = status, error, description
        super().__init__(error)


@post(
    TOKEN_PATH,
    status_code=200,
    include_in_schema=False,
    exception_handlers={_RefusedError: lambda _, error: _refusal(cast("_RefusedError", error))},
)
async def token(
    request: WebRequest,
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[TokenOut]:
    """Client credentials with `private_key_jwt` (RFC 7523): the assertion is signed by the client's key, names this
    server as `aud`, lives ten minutes at most and is used once."""
    services = _services(request)
    if data.get("grant_type") != "client_credentials":
        raise _RefusedError(400, "unsupported_grant_type", "grant_type: client_credentials")
    if data.get("client_assertion_type") != ASSERTION_TYPE:
        raise _RefusedError(401, "invalid_client", f"client_assertion_type: {ASSERTION_TYPE}")
    now_s = services.clock.now().timestamp()
    audiences = {services.public_url, services.public_url + TOKEN_PATH}
    try:
        assertion = check_assertion(data.get("client_assertion", ""), services.access.book, audiences, now_s)
        if data.get("client_id", assertion.client.id) != assertion.client.id:
            raise AssertionRefusedError(reason="client_id")
        if not await anyio.to_thread.run_sync(_use, services, assertion):
            raise AssertionRefusedError(reason="jti")
    except AssertionRefusedError as error:
        language = language_of(request.headers.get("accept-language"), "en")
        raise _RefusedError(401, "invalid_client", f"{error.text(language)} {error.remedy(language)}") from error
    wanted = data["scope"].split() if data.get("scope") else list(assertion.client.scopes)
    if not wanted or not set(wanted) <= set(assertion.client.scopes):
        raise _RefusedError(400, "invalid_scope", " ".join(assertion.client.scopes))
    text = services.access.tokens.give(assertion.client.id, wanted, now_s)
    out = TokenOut(access_token=text, token_type="Bearer", expires_in=TOKEN_S, scope=" ".join(wanted))  # noqa: S106
    return Response(out, headers={"Cache-Control": "no-store"})


def _use(services: OAuthServices, assertion: Assertion) -> bool:
    until = to_rfc3339(services.clock.now().fromtimestamp(assertion.until_s, tz=services.clock.now().tzinfo))
    return services.state.use_assertion(assertion.client.id, assertion.jti, until)


def _refusal(error: _RefusedError) -> Response[dict[str, str]]:
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="gaugeblock"'
    content = {"error": error.error, "error_description": error.description.replace('"', "'").replace("\\", "/")}
    return Response(content, status_code=error.status, headers=headers)


HANDLERS: list[Any] = [metadata, jwks, token]
