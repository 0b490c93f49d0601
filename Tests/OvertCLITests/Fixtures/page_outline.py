"""What stands in HTML pages, as JSON: the argument is a page, or the DOM that a browser made of one.

Reads with html.parser: what it takes for a tag, a browser might.
"""
import html.parser
import json
import sys

VOID = {"meta", "br", "hr", "img", "link", "input", "base", "embed", "source"}


class Outline(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.open = set(), set(), []
        self.words, self.findings, self.marks, self.plots = [], 0, [], 0
        self.title, self.problems, self.links, self.ids = "", [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}
        fields = dict(attributes)
        styles = (fields.get("class") or "").split()
        kind = next((name for name in ("part", "words", "plot") if name in styles), tag)
        if kind == "part":
            self.words.append("")
        self.plots += kind == "plot"
        if tag == "mark":
            self.marks.append("")
        if "id" in fields:
            self.ids.append(fields["id"])
            self.findings += tag == "li" and fields["id"].startswith("f")
        if "href" in fields:
            self.links.append(fields["href"])
        if tag not in VOID:
            self.open.append((tag, kind))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open[-1][0] != tag:
            self.problems.append("</%s> in %s" % (tag, self.open[-1:]))
        else:
            self.open.pop()

    def handle_data(self, text):
        kinds = [kind for _, kind in self.open]
        if kinds == ["html", "head", "title"]:
            self.title += text
        if "words" in kinds:
            self.words[-1] += text
        if "mark" in kinds:
            self.marks[-1] += text

    def handle_comment(self, text):
        self.problems.append("a comment")

    def handle_pi(self, text):
        self.problems.append("an instruction")

    def unknown_decl(self, text):
        self.problems.append("a declaration")


outline = Outline()
with open(sys.argv[1], encoding="utf-8", newline="") as page:
    outline.feed(page.read())
outline.close()
if outline.open:
    outline.problems.append("left open: %s" % outline.open)
known = {"#" + name for name in outline.ids}
outline.problems += ["%s leads nowhere" % link for link in outline.links if link not in known]
if len(known) != len(outline.ids):
    outline.problems.append("an id stands twice")
json.dump({
    "tags": sorted(outline.tags), "attributes": sorted(outline.attributes),
    "words": outline.words, "findings": outline.findings, "marks": outline.marks,
    "plots": outline.plots, "title": outline.title, "problems": outline.problems[:20],
}, sys.stdout)
