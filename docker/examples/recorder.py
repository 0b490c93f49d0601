"""Record what an OpenAI-compatible or an Anthropic client says and hears, and post it to Overt.

    recorder = Recorder()
    client = openai.OpenAI(http_client=recorder.client(httpx))
    ...                                                 # the agent's calls, as ever
    recorder.post(overt, "run-42/7", labels={"stage": "eval"})

Newer releases of anthropic.Anthropic want a client of httpx2: hand that module over.

Every call is recorded as it went over the wire, reasoning and all, whatever the library makes of it.
"""

import json

RECORDED = ("/chat/completions", "/responses", "/messages")


class Unrecorded(Exception):
    """A call whose answer cannot be recorded. It is not made: nothing is judged unseen."""


class Recorder:
    def __init__(self):
        self.exchanges = []

    def client(self, httpx, **options):
        """A `Client` of the module `httpx` (or httpx2) for the library, with that module's options."""
        inner = options.pop("transport", None) or httpx.HTTPTransport()
        recorder = self

        class Recording(httpx.BaseTransport):
            def handle_request(self, request):
                return recorder._handle(inner, request)

            def close(self):
                inner.close()

        return httpx.Client(transport=Recording(), **options)

    def post(self, overt, external_id, labels=None):
        """Posts the exchanges since the last time; calls that continue a conversation become one
        episode. Returns a result for each episode."""
        exchanges, self.exchanges = self.exchanges, []
        if not exchanges:
            return []
        document = [
            {**exchange, "external_id": external_id, "labels": labels or {}}
            for exchange in exchanges
        ]
        return overt.post_document(document)

    def _handle(self, transport, request):
        if request.method != "POST" or not request.url.path.endswith(RECORDED):
            return transport.handle_request(request)
        asked = json.loads(request.read())
        if asked.get("stream"):
            raise Unrecorded("a stream is not recorded; call without stream=True")
        response = transport.handle_request(request)
        response.read()
        if response.status_code < 400:
            self.exchanges.append({"request": asked, "response": response.json()})
        return response
