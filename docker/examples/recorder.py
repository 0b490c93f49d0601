"""Record what an OpenAI-compatible or an Anthropic client says and hears, and post it to Overt.

    recorder = Recorder()
    client = openai.OpenAI(http_client=recorder.client())      # or anthropic.Anthropic(...)
    ...                                                        # the agent's calls, as ever
    recorder.post(overt, "run-42/7", labels={"stage": "eval"})

Every call is recorded as it went over the wire, reasoning and all, whatever the library makes of it.
"""

import json

import httpx

RECORDED = ("/chat/completions", "/responses", "/messages")


class Unrecorded(Exception):
    """A call whose answer cannot be recorded. It is not made: nothing is judged unseen."""


class Recorder:
    def __init__(self):
        self.exchanges = []

    def client(self, **options):
        """An `httpx.Client` for the library; its options are httpx's."""
        transport = options.pop("transport", None) or httpx.HTTPTransport()
        return httpx.Client(transport=_Recording(self, transport), **options)

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


class _Recording(httpx.BaseTransport):
    def __init__(self, recorder, transport):
        self.recorder = recorder
        self.transport = transport

    def handle_request(self, request):
        if request.method != "POST" or not request.url.path.endswith(RECORDED):
            return self.transport.handle_request(request)
        asked = json.loads(request.read())
        if asked.get("stream"):
            raise Unrecorded("a stream is not recorded; call without stream=True")
        response = self.transport.handle_request(request)
        response.read()
        if response.status_code < 400:
            self.recorder.exchanges.append({"request": asked, "response": response.json()})
        return response

    def close(self):
        self.transport.close()
