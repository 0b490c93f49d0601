"""Post transcripts to Overt from a training loop. No package is needed: copy this file.

    overt = Overt()                       # OVERT_URL and OVERT_TOKEN, or OVERT_TOKEN_FILE
    answer = overt.post({
        "external_id": "run-42/7",        # names the episode: posting it again changes nothing
        "agent": {"model": "my-model"},
        "labels": {"stage": "rl", "step": "1200"},
        "messages": [
            {"role": "user", "parts": [{"type": "text", "text": "Fix the test."}]},
            {"role": "assistant", "parts": [
                {"type": "reasoning", "visibility": "full", "text": "..."},
                {"type": "text", "text": "Done."}]},
        ],
    })

The body may as well be what a provider's API answered, or any other format that Overt reads.
"""

import json
import os
import time
import urllib.error
import urllib.request


class OvertError(Exception):
    """An answer that is no success; `problem` is what the server says about it (RFC 9457)."""

    def __init__(self, status, problem):
        super().__init__(f"{status}: {problem.get('title', '')} {problem.get('detail', '')}")
        self.status = status
        self.problem = problem


class Overt:
    def __init__(self, url=None, token=None, timeout=30.0, attempts=8):
        self.url = (url or os.environ.get("OVERT_URL", "http://127.0.0.1:8080")).rstrip("/")
        self.token = token or os.environ.get("OVERT_TOKEN")
        if not self.token and os.environ.get("OVERT_TOKEN_FILE"):
            with open(os.environ["OVERT_TOKEN_FILE"], encoding="utf-8") as file:
                self.token = file.read().strip()
        self.timeout = timeout
        self.attempts = attempts

    def post(self, episode):
        """Stores and judges one episode. What it returns is on the server's disk."""
        return json.loads(self._send("/v1/episodes", "application/json", _json(episode)))

    def post_many(self, episodes):
        """Stores and judges many; one result each, in order. Raises if any was refused."""
        body = b"".join(_json(episode) + b"\n" for episode in episodes)
        return self._lines(body, "application/x-ndjson")

    def post_document(self, document):
        """Stores the episodes of one document, such as a log; bytes are taken for an archive."""
        if isinstance(document, bytes):
            return self._lines(document, "application/zip")
        return self._lines(_json(document), "application/json")

    def _lines(self, body, kind):
        answer = self._send("/v1/episodes:batch", kind, body)
        results = [json.loads(line) for line in answer.splitlines() if line.strip()][:-1]
        for result in results:
            # One refused line in an answer of 207 is easily missed.
            if result["status"] >= 400:
                raise OvertError(result["status"], result["problem"])
        return results

    def _send(self, path, kind, body):
        request = urllib.request.Request(self.url + path, data=body, method="POST")
        request.add_header("content-type", kind)
        request.add_header("authorization", f"Bearer {self.token}")
        for attempt in range(self.attempts):
            last = attempt + 1 == self.attempts
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    return response.read()
            except urllib.error.HTTPError as error:
                problem = _problem(error.read())
                # The same request is safe to send again: the name and the content identify it.
                if last or error.code not in (408, 429, 503):
                    raise OvertError(error.code, problem) from None
                time.sleep(float(error.headers.get("retry-after", 1)))
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if last:
                    raise
                time.sleep(min(2**attempt / 4, 10))


def _json(value):
    # NaN would be no JSON; what a model said may hold lone surrogates, which are escaped.
    return json.dumps(value, allow_nan=False).encode()


def _problem(body):
    try:
        return json.loads(body)
    except ValueError:
        return {"title": "The answer cannot be read.", "detail": body[:200].decode("latin-1")}
