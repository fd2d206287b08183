"""The HTTP kit: what the API of every service has in common.

A service writes FastAPI routers and gives `Service.routes` one line:

    from shared.http import app

    def _routes(context: Context) -> Sequence[BaseRoute]:
        return app.routes(context, TITLE, [claims.router, worklist.router])

and its endpoints ask for what they need:

    from shared.http.access import Caller, allowed
    from shared.http.app import Serving
    from shared.http.problems import Problem

    MayRead = Annotated[Caller, Depends(allowed("claims:read"))]

    @router.get("/claims/{claim_id}")
    async def claim(claim_id: UUID, caller: MayRead, context: Serving) -> ClaimView:
        async with context.pool.acquire() as connection:
            ...
            raise Problem(404, "claim-unknown", "There is no such claim here.")

What comes with it, with nothing to do for it:

- Every request needs an API key (`Authorization: Bearer` or `X-API-Key`), on loopback too; only
  `/openapi.json`, health and metrics do without. `claimwire key create` makes one, the local stack
  makes one for its operator (`<var>/stack/secrets/api_key`, readable by its owner alone).
- Per-key rate limits (429 with `Retry-After`), bounds on bodies (413), and every error as an RFC
  9457 problem (`application/problem+json`) with a stable `code` and, where there is one, a `hint`.
- The OpenAPI document at `/openapi.json`.

And to use where it is wanted: `pages` (opaque cursors), `versions` (ETag and If-Match),
`idempotency` (keys that are honoured for ever, in the transaction of their effect).
"""
