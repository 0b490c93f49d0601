"""Judge every sample of an Inspect evaluation as soon as it has ended.

Import this file beside the task (or name it in an entry point of the group `inspect_ai`), and set
OVERT_URL and OVERT_TOKEN. Without a token nothing is sent, and that is said once.
"""

import asyncio
import os
import sys

from inspect_ai.hooks import Hooks, SampleEnd, TaskStart, hooks
from overt_client import Overt


@hooks(name="overt", description="Posts samples to Overt.")
class OvertHooks(Hooks):
    def __init__(self):
        self.evals = {}
        self.is_on = bool(os.environ.get("OVERT_TOKEN") or os.environ.get("OVERT_TOKEN_FILE"))
        if not self.is_on:
            print("overt: OVERT_TOKEN is not set, samples are NOT judged", file=sys.stderr)

    def enabled(self):
        return self.is_on

    async def on_task_start(self, data: TaskStart):
        self.evals[data.eval_id] = data.spec.model_dump(mode="json")

    async def on_sample_end(self, data: SampleEnd):
        log = {
            "version": 2,
            "eval": self.evals.get(data.eval_id, {"eval_id": data.eval_id}),
            "samples": [data.sample.model_dump(mode="json", exclude_none=True)],
        }
        # What cannot be judged must not look judged: a failure ends the sample with an error.
        await asyncio.to_thread(Overt().post_document, log)
