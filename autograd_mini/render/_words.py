"""The words of pages and commands, English and Chinese, each in one place.

`web/words.json` has what the pages say, under a key for both languages. A message that is raised or printed in English
where it belongs has its Chinese in `messages.json`, under the English sentence: {0} stands for what is taken over as it
is, {0!} for a message inside the message.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
import re
from typing import Any

LANGUAGES = ("en", "zh")
_PLACE = re.compile(r"\{(\d)(!?)\}")


def stored(name: str) -> str:
    """The text of a file of this wing."""
    return importlib.resources.files("autograd_mini.render").joinpath(*name.split("/")).read_text("utf-8")


@functools.cache
def words() -> dict[str, list[str]]:
    """The words of the pages: for each key English and Chinese."""
    return json.loads(stored("web/words.json"))


def say(key: str, language: str, *insets: Any) -> str:
    """A sentence of the pages in one of their languages, with what stands in its places."""
    sentence = words()[key][LANGUAGES.index(language)]
    for place, inset in enumerate(insets):
        sentence = sentence.replace(f"{{{place}}}", str(inset))
    return sentence


@functools.cache
def _messages() -> list[tuple[re.Pattern[str], str]]:
    """A pattern for every English message and its Chinese, in the order of the file: the first that fits is taken."""
    found = []
    for english, chinese in json.loads(stored("messages.json")).items():
        literals = map(re.escape, _PLACE.split(english)[::3])
        found.append((re.compile("(.*?)".join(literals)), chinese))
    return found


def translated(message: str, language: str) -> str:
    """A message in the language, "en" or "zh", line by line; what has no Chinese stays as it is.

    >>> translated("no function is called 'siin': did you mean 'sin'?", "zh")
    "没有名为 'siin' 的函数：是不是 'sin'？"
    """
    return message if language == "en" else "\n".join(map(_in_chinese, message.split("\n")))


def _in_chinese(line: str) -> str:
    for pattern, chinese in _messages():
        found = pattern.fullmatch(line)
        if found:
            return _filled(chinese, found.groups())
    return line


def _filled(chinese: str, insets: tuple[str, ...]) -> str:
    return _PLACE.sub(lambda place: (_in_chinese if place[2] else str)(insets[int(place[1])]), chinese)
