"""Both languages of the README and the guides say the same: outline, code, tables, lists and links.

The prose is compared by what must be the same in every language: the sections, the blocks of code but for their
comments, the code, the links, the items and the rows of each section.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import zip_longest
from pathlib import Path

import pytest
from pasting import GUIDES, ROOT

CHINESE = re.compile(r"[\u4e00-\u9fff]")
COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|///?) (.*)$")
WORDS = re.compile(r"(?:^| )[a-z]+ [a-z]+(?: |$)")
"""Words of a language. A comment without them is code, an alternative, and may stay as it is."""
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")


@dataclass
class Section:
    """A heading, with what is below it up to the next one."""

    line: int
    level: int
    title: str
    anchor: str
    blocks: list = field(default_factory=list)
    """The number of its first line, that line, those in between."""
    lines: list = field(default_factory=list)
    """The prose: numbers and texts."""

    @property
    def prose(self) -> str:
        return "\n".join(text for _, text in self.lines)

    @property
    def code(self) -> set[str]:
        """The code in the prose. What a line ends within goes on in the next."""
        return {re.sub(r"\s+", " ", code) for _, code in re.findall(r"(?s)(`+)(?!`)(.+?)(?<!`)\1(?!`)", self.prose)}

    @property
    def links(self) -> list[str]:
        return LINK.findall(self.prose)

    @property
    def items(self) -> int:
        return sum(bool(re.match(r" *(?:[-*]|\d+\.) ", text)) for _, text in self.lines)

    @property
    def rows(self) -> list[int]:
        """The number of cells of each row of the tables. A separator in code is not one."""
        return [re.sub(r"`[^`]*`", "", text).replace(r"\|", "").count("|") - 1
                for _, text in self.lines if text.startswith("|")]


class Page:
    def __init__(self, path: Path):
        self.path = path
        self.sections: list[Section] = []
        taken = Counter()
        block = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if block is not None:
                if line.strip() == "```":
                    block = None
                else:
                    block.append(line)
            elif line.lstrip().startswith("```"):
                block = []
                self.sections[-1].blocks.append((number, line, block))
            elif heading := re.match(r"(#{1,6}) (.+)", line):
                title = heading[2]
                anchor = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
                repeated = f"-{taken[anchor]}" if taken[anchor] else ""
                taken[anchor] += 1
                self.sections.append(Section(number, len(heading[1]), title, anchor + repeated))
            else:
                assert self.sections, f"{self.at(number)}: the page begins with a heading"
                self.sections[-1].lines.append((number, line))

    @property
    def anchors(self) -> list[str]:
        return [section.anchor for section in self.sections]

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    def at(self, line: int) -> str:
        return f"{self.name}:{line}"

    def target(self, link: str) -> tuple[Path, str]:
        path, _, anchor = link.partition("#")
        return (self.path.parent / path).resolve() if path else self.path, anchor


@cache
def read(path: Path) -> Page:
    return Page(path)


def chinese(english: Path) -> Path:
    return GUIDES / "zh-CN" / english.name if english.parent == GUIDES else ROOT / "README.zh-CN.md"


ENGLISH = [ROOT / "README.md", *sorted(GUIDES.glob("*.md"))]
IN_CHINESE = [ROOT / "README.zh-CN.md", *sorted((GUIDES / "zh-CN").glob("*.md"))]
TRANSLATIONS = {english: chinese(english) for english in ENGLISH}
PAIRS = [pytest.param(one, other, id=str(one.relative_to(ROOT)))
         for one, other in TRANSLATIONS.items() if other.exists()]
PAGES = [pytest.param(page, id=str(page.relative_to(ROOT))) for page in ENGLISH + IN_CHINESE]


def fail_with(errors: list[str]) -> None:
    if errors:
        pytest.fail("\n".join(errors), pytrace=False)


def test_every_page_is_there_in_both_languages():
    expected = set(TRANSLATIONS.values())
    fail_with([f"{page.relative_to(ROOT)} is missing: it is in the other language only"
               for page in sorted(expected - set(IN_CHINESE))]
              + [f"{page.relative_to(ROOT)} translates no page" for page in sorted(set(IN_CHINESE) - expected)])


@pytest.mark.parametrize("page", PAGES)
def test_a_page_links_to_pages_of_its_language(page):
    others = {other: one for one, other in TRANSLATIONS.items()} if page in ENGLISH else TRANSLATIONS
    page = read(page)
    translation = {**TRANSLATIONS, **{other: one for one, other in TRANSLATIONS.items()}}[page.path]
    errors = []
    linked = False
    for section in page.sections:
        for number, text in section.lines:
            for link in LINK.findall(text):
                path, _ = page.target(link)
                if path == translation:
                    linked = True
                elif path in others and others[path].exists():
                    errors.append(f"{page.at(number)}: {link} is in the other language: "
                                  f"link to {others[path].relative_to(ROOT)}")
    if not linked:
        errors.append(f"{page.name} has no link to {translation.relative_to(ROOT)}")
    fail_with(errors)


def sections(english: Path, chinese: Path) -> tuple[Page, Page, list[tuple[Section, Section]]]:
    """Both pages and the sections that belong together. The first difference in the outline is enough."""
    one, other = read(english), read(chinese)
    for section, translated in zip_longest(one.sections, other.sections):
        if section is None or translated is None or section.level != translated.level:
            here = f"{one.at(section.line)} {section.title}" if section else f"{one.name} ends"
            there = f"{other.at(translated.line)} {translated.title}" if translated else f"{other.name} ends"
            pytest.fail(f"the outlines differ from here on: {here} / {there}", pytrace=False)
    return one, other, list(zip(one.sections, other.sections))


def outline(page: Page) -> list[str]:
    return [f"{'#' * section.level} {section.title} (line {section.line})" for section in page.sections]


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_both_languages_have_the_same_outline(english, chinese):
    english, chinese = read(english), read(chinese)
    if [section.level for section in english.sections] == [section.level for section in chinese.sections]:
        return
    one, other = outline(english), outline(chinese)
    lines = []
    for left, right in zip_longest(one, other, fillvalue=""):
        mark = " " if left.split(" ")[0] == right.split(" ")[0] else "≠"
        lines.append(f"{mark} {left:70} {right}")
    fail_with([f"{english.name} has {len(one)} headings, {chinese.name} has {len(other)}; "
               "number, order and levels must be the same:", *lines])


def compare_lines(english: str, chinese: str) -> str | None:
    """What is wrong with a line of a translated block."""
    one, other = COMMENT.search(english), COMMENT.search(chinese)
    if (english[:one.start(1)] if one else english) != (chinese[:other.start(1)] if other else chinese):
        return "code differs"
    if one and not CHINESE.search(other[1]) and (one[1] != other[1] or WORDS.search(one[1])):
        return "comment is not translated"
    return None


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_both_languages_have_the_same_code(english, chinese):
    english, chinese, pairs = sections(english, chinese)
    errors = []
    for one, other in pairs:
        if len(one.blocks) != len(other.blocks):
            errors.append(f"{english.at(one.line)} {one.title}: {len(one.blocks)} blocks of code, "
                          f"{chinese.at(other.line)} {other.title}: {len(other.blocks)}")
            continue
        for (line, kind, block), (other_line, other_kind, other_block) in zip(one.blocks, other.blocks):
            if kind != other_kind:
                errors.append(f"{english.at(line)}: {kind}\n{chinese.at(other_line)}: {other_kind}")
            if len(block) != len(other_block):
                errors.append(f"{english.at(line)}: a block of {len(block)} lines, "
                              f"{chinese.at(other_line)}: {len(other_block)}")
            for index, (text, other_text) in enumerate(zip(block, other_block), 1):
                if wrong := compare_lines(text, other_text):
                    errors.append(f"{wrong}:\n  {english.at(line + index)}: {text}\n"
                                  f"  {chinese.at(other_line + index)}: {other_text}")
                    break
    fail_with(errors)


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_both_languages_have_the_same_tables_and_lists(english, chinese):
    english, chinese, pairs = sections(english, chinese)
    errors = []
    for one, other in pairs:
        places = f"{english.at(one.line)} {one.title}: {{}}\n{chinese.at(other.line)} {other.title}: {{}}"
        if one.rows != other.rows:
            errors.append(places.format(f"tables with {len(one.rows)} rows, of {one.rows} cells",
                                        f"{len(other.rows)} rows, of {other.rows} cells"))
        if one.items != other.items:
            errors.append(places.format(f"{one.items} list items", other.items))
    fail_with(errors)


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_both_languages_name_the_same_things(english, chinese):
    """A key, a value or a command that one language mentions in a section is there in the other."""
    english, chinese, pairs = sections(english, chinese)
    errors = []
    for one, other in pairs:
        here, there = f"{english.at(one.line)} {one.title}", f"{chinese.at(other.line)} {other.title}"
        errors += [f"{here}: `{code}` is not in {there}" for code in sorted(one.code - other.code)]
        errors += [f"{there}: `{code}` is not in {here}" for code in sorted(other.code - one.code)]
    fail_with(errors)


def places(page: Page, section: Section) -> Counter:
    """Where the links lead, in a way that is the same in both languages: an anchor as the number of the heading."""
    own = {other: one for one, other in TRANSLATIONS.items()}
    found = Counter()
    for link in section.links:
        if re.match(r"[a-z]+:", link):
            found[link] += 1
            continue
        path, anchor = page.target(link)
        if path in (TRANSLATIONS.get(page.path), own.get(page.path)):
            continue
        anchors = read(path).anchors if anchor and path.exists() else []
        number = anchors.index(anchor) if anchor in anchors else anchor
        path = own.get(path, path)
        # A picture of the console shows it in the page's language.
        name = str(path.relative_to(ROOT)).replace(".zh-CN.png", ".png")
        found[f"{name}, heading {number}" if anchor else name] += 1
    return found


@pytest.mark.parametrize("english, chinese", PAIRS)
def test_both_languages_have_the_same_links(english, chinese):
    english, chinese, pairs = sections(english, chinese)
    errors = []
    for one, other in pairs:
        here, there = f"{english.at(one.line)} {one.title}", f"{chinese.at(other.line)} {other.title}"
        ours, theirs = places(english, one), places(chinese, other)
        errors += [f"{here} links to {link}, {there} does not" for link in ours - theirs]
        errors += [f"{there} links to {link}, {here} does not" for link in theirs - ours]
    fail_with(errors)


@pytest.mark.parametrize("english, chinese, wrong", [
    ("martlet serve    # starts", "martlet serve    # 启动", None),
    ("    # a: {b: 1}", "    # a: {b: 1}", None),
    ("# a comment", "# 注释", None),
    ("let a = 1  // a comment", "let a = 1  // 注释", None),
    ("curl http://a/#b", "curl http://a/#b", None),
    ("curl http://a/#b", "curl http://a/#c", "code differs"),
    ("port: 1  # the port", "port: 2  # 端口", "code differs"),
    ("port: 1  # the port", "port: 1", "code differs"),
    ("port: 1", "port: 1  # 端口", "code differs"),
    ("port: 1  # the port", "port: 1  # a port", "comment is not translated"),
    ("port: 1  # the port", "port: 1  # the port", "comment is not translated"),
])
def test_a_line_differs_in_its_comment_only(english, chinese, wrong):
    assert compare_lines(english, chinese) == wrong
