"""Reads the reports in a folder as the tools do that they are for; prints what is wrong with them.

Each subfolder holds the reports of one gate: out.sarif, out.xml, out.md, out.github, out.gitlab.
"""

import json
import pathlib
import re
import sys

import jsonschema
import junitparser
import markdown_it
import sarif.loader
import xmlschema

here = pathlib.Path(__file__).parent
sarif_schema = jsonschema.Draft202012Validator(json.loads((here / "sarif.schema.json").read_text()))
junit_schema = xmlschema.XMLSchema(str(here / "junit.xsd"))
complaints = []


def check_sarif(path):
    data = path.read_bytes()
    assert len(data) < 10_000_000
    document = json.loads(data)
    for error in sarif_schema.iter_errors(document):
        raise AssertionError(f"{error.json_path}: {error.message}")
    run = document["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    prints = []
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        prints.append(result["partialFingerprints"]["primaryLocationLineHash"])
        text = result["message"]["text"]
        # A bracket that is not escaped would be a link (SARIF 3.11.6).
        bare = re.sub(r"\\[\\\[\]]", "", text).replace("[Open the episode](http", "")
        assert "[" not in bare, text
    assert len(prints) == len(set(prints)), "two results share a fingerprint"
    assert sarif.loader.load_sarif_file(str(path)).get_result_count() == len(run["results"])


def check_junit(path):
    junit_schema.validate(str(path))
    read = junitparser.JUnitXml.fromfile(str(path))
    for suite in read:
        assert suite.tests == len(list(suite)), suite.name
        kinds = [type(result).__name__ for case in suite for result in case.result]
        assert suite.failures == kinds.count("Failure")
        assert suite.errors == kinds.count("Error")


def check_markdown(path):
    """As GitHub renders it: nothing of an episode is a link, an image or HTML."""
    text = path.read_text()
    assert len(text.encode()) <= 1 << 20
    parser = markdown_it.MarkdownIt("gfm-like", {"linkify": False, "html": True})
    allowed = {"heading", "paragraph", "bullet_list", "list_item", "fence", "inline"}
    inline = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}
    for token in parser.parse(text):
        assert token.type.removesuffix("_open").removesuffix("_close") in allowed, token.type
        for child in token.children or []:
            assert child.type in inline, f"{child.type}: {child.content[:200]!r}"
            # Outside of code there is nothing that an episode could have said.
            if child.type == "text":
                assert "EVIL" not in child.content and "@" not in child.content, child.content


def check_github(path):
    """As the runner reads it: commands between the stopping word and its end are none."""
    counts = {}
    stopped = None
    for line in path.read_text().splitlines():
        command = line.lstrip()
        if stopped:
            if command == f"::{stopped}::":
                stopped = None
            continue
        assert "##[" not in line or command.startswith("::"), line
        if not command.startswith("::"):
            assert not command, f"output that is not guarded: {line!r}"
            continue
        if command.startswith("::stop-commands::"):
            stopped = command.removeprefix("::stop-commands::")
            assert re.fullmatch(r"[0-9a-f]{32,64}", stopped), stopped
            continue
        match = re.fullmatch(r"::(error|warning|notice) ((?:[a-zA-Z]+=[^,:]*,?)+)::(.*)", command)
        assert match, f"another command: {line!r}"
        counts[match[1]] = counts.get(match[1], 0) + 1
    assert stopped is None, "the commands stay stopped"
    assert all(count <= 10 for count in counts.values()), counts


def check_gitlab(path):
    findings = json.loads(path.read_bytes())
    prints = [finding["fingerprint"] for finding in findings]
    assert len(prints) == len(set(prints))
    for finding in findings:
        assert finding["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert finding["description"] and finding["check_name"]
        assert finding["location"]["path"] and finding["location"]["lines"]["begin"] >= 1


checks = {
    "out.sarif": check_sarif,
    "out.xml": check_junit,
    "out.md": check_markdown,
    "out.github": check_github,
    "out.gitlab": check_gitlab,
}
seen = 0
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    for name, check in checks.items():
        seen += 1
        try:
            check(folder / name)
        except Exception as error:
            complaints.append(f"{folder.name}/{name}: {type(error).__name__}: {error}"[:2000])
print("\n".join(complaints[:20]))
print(f"{seen} reports read, {len(complaints)} complaints")
sys.exit(1 if complaints or not seen else 0)
