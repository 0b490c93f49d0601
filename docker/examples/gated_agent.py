"""An agent whose plans Overt judges before they run: plan, ask, act, report what happened.

    agent = GatedAgent(overt, run="run-42", model="my-model")
    agent.execute(plan, tools)        # tools: name -> function of the step's arguments

A step runs only if the plan was allowed, or a person approved it in time. Whatever goes wrong on the
way (no answer, no decision, no plan) the steps do not run.
"""

import json
import urllib.error
import urllib.parse
import urllib.request


class NotAllowed(Exception):
    """The plan may not run; the message says why."""


class GatedAgent:
    def __init__(self, overt, run, model, patience=3600):
        self.overt = overt
        self.run = run
        self.model = model
        self.patience = patience

    def execute(self, plan, tools):
        """Runs the steps of a plan and reports which predictions came true.

        A tool returns a dict: what it answers, and under "happened" the ids of the consequences that
        came true.
        """
        judged = self._post("/v1/plans", {
            "schema": "overt.plan/1", "run": self.run, "agent": {"model": self.model},
            "tools": sorted(tools), **plan})
        if judged["status"] == "waiting":
            judged = self._await_decision(judged["id"])
        if judged["status"] not in ("allowed", "approved"):
            reasons = [f["message"] for f in judged["assessment"]["findings"] if f["action"] != "allow"]
            raise NotAllowed(f"{judged['status']}: {judged.get('note') or '; '.join(reasons)}")
        # An approval is good for one run, before its deadline: this is where it is used up.
        self._post(f"/v1/plans/{judged['id']}/begin", None)
        outcomes, answers = [], []
        for step in plan["steps"]:
            answer = tools[step["tool"]](**step.get("arguments", {}))
            answers.append(answer)
            for consequence in step.get("consequences", []):
                outcomes.append({
                    "consequence": consequence["id"],
                    "happened": consequence["id"] in answer.get("happened", [])})
        report = self._post(f"/v1/plans/{judged['id']}/outcomes", {"outcomes": outcomes})
        return answers, report

    def _await_decision(self, plan):
        waited = 0
        while waited < self.patience:
            step = min(30, self.patience - waited)
            judged = self._get(f"/v1/plans/{plan}?wait={step}")
            if judged["status"] != "waiting":
                return judged
            waited += step
        raise NotAllowed("nobody decided in time")

    def _post(self, path, body):
        data = b"" if body is None else json.dumps(body).encode()
        return self._send(urllib.request.Request(self.overt.url + path, data=data, method="POST"))

    def _get(self, path):
        return self._send(urllib.request.Request(self.overt.url + path))

    def _send(self, request):
        request.add_header("authorization", f"Bearer {self.overt.token}")
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as error:
            raise NotAllowed(f"{error.code}: {error.read()[:500].decode('utf-8', 'replace')}") from None
