"""Checks the templates for pipelines as the pipelines do; prints the script of a step on request."""

import json
import pathlib
import subprocess
import sys

import jsonschema
import ruamel.yaml

root = pathlib.Path(__file__).resolve().parents[3]
action = root / ".github/actions/gate/action.yml"
yaml = ruamel.yaml.YAML(typ="safe")


def step(name):
    return next(s for s in yaml.load(action)["runs"]["steps"] if s["name"] == name)


if sys.argv[1:] == ["script"]:
    print(step("Gate")["run"])
    sys.exit(0)

for schema, path in [
    ("vendor.github-actions", action),
    ("vendor.gitlab-ci", root / "docker/gitlab/overt-gate.gitlab-ci.yml"),
]:
    subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)], check=True)
# An input in the text of a script would be a script.
for each in yaml.load(action)["runs"]["steps"]:
    assert "${{" not in each.get("run", ""), each["name"]
hooks = yaml.load(root / ".pre-commit-hooks.yaml")
assert {hook["id"] for hook in hooks} == {"overt-rules-lint", "overt-rules-test", "overt-gate-check"}
for hook in hooks:
    assert {"id", "name", "entry", "language", "files"} <= set(hook), hook
charters = root / "Rules/charters"
schema = json.loads((charters / "charter.schema.json").read_text())
for path in charters.glob("*.yaml"):
    jsonschema.validate(yaml.load(path), schema)
print("templates are valid")
