"""Pictures of pages in SVG: what a browser shows, as rectangles, lines and text, light and dark."""

import html
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from support.browser import Browser

Shape = dict[str, Any]

_SHAPES = (Path(__file__).parent / "page_shapes.js").read_text()
# With the widths of the most common fonts, so that the text of the picture is not stretched there.
_FONTS = """
const style = new CSSStyleSheet();
style.replaceSync('body, input { font-family: "Liberation Sans", sans-serif }'
    + ':root { --mono: "Liberation Mono", monospace }');
document.adoptedStyleSheets = [style];
"""
_SANS = "Helvetica,Arial,'Liberation Sans',sans-serif"
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
# Around the picture, since pages around it may have its colour.
_EDGE = (".edge{stroke:#c3cad1}", ".edge{stroke:#434d58}")
_INKS = ("fill", "stroke")


def shapes(browser: "Browser", page: Path, size: tuple[int, int]) -> dict[str, list[Shape]]:
    """The shapes of a page by colour scheme; `size` in CSS pixels."""
    found = {}
    command, source = "Page.addScriptToEvaluateOnNewDocument", {"source": _SHAPES}
    browser.driver.execute_cdp_cmd(command, source)
    browser.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    for scheme in ("light", "dark"):
        browser.open(page, size, scheme)
        browser.run(_FONTS + "window.dispatchEvent(new Event('resize'));")
        browser.drawn()
        browser.run("document.activeElement.blur(); window.scrollTo(0, 0);")
        browser.drawn()
        found[scheme] = browser.run("return shapesOfPage(...arguments)", *size)
    return found


class Drawing:
    """The SVG of a page; its colours follow the scheme that the viewer prefers."""

    def __init__(self, title: str, size: tuple[int, int]) -> None:
        self._title = title
        self._size = size
        self._classes: dict[tuple[str, str, str], str] = {}
        self._patterns: dict[str, str] = {}
        self._lines: list[str] = []

    def add(self, light: list[Shape], dark: list[Shape]) -> None:
        """Adds shapes, which are the same in both schemes but for their colours.

        Raises ValueError if they are not.
        """
        for one, other in zip(light, dark, strict=True):
            if {**one, **_inks(other)} != {**other, **_inks(other)}:
                raise ValueError(f"the schemes differ: {one} and {other}")
            self._lines.append(self._element(one, other))

    @property
    def text(self) -> str:
        """The file."""
        width, height = self._size
        names = self._classes.items()
        dark = "".join(f".{name}{{{ink}:{other}}}" for (ink, _, other), name in names)
        style = "".join(f".{name}{{{ink}:{one}}}" for (ink, one, _), name in names)
        title = html.escape(self._title)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
                f'width="{width}" height="{height}" role="img" aria-label="{title}">',
                f"<title>{title}</title>",
                f"<style>text{{font-family:{_SANS};white-space:pre}}.m{{font-family:{_MONO}}}"
                f".b{{font-weight:600}}.l{{fill:none}}{_EDGE[0]}{style}"
                f"@media(prefers-color-scheme:dark){{{_EDGE[1]}{dark}}}</style>",
                *(
                    f'<pattern id="{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
                    f"{content}</pattern>"
                    for content, name in self._patterns.items()
                ),
                *self._lines,
                f'<rect class="edge l" x=".5" y=".5" width="{width - 1}" height="{height - 1}"/>',
                "</svg>\n",
            ]
        )

    def _element(self, light: Shape, dark: Shape) -> str:
        classes = [self._class(ink, light[ink], dark[ink]) for ink in _INKS if ink in light]
        if "fill" not in light:
            classes.append("l")
        attributes: dict[str, Any] = {}
        dx, dy = light.get("dx", 0), light.get("dy", 0)
        if light["kind"] == "path":
            attributes["d"] = light["d"]
            if dx or dy:
                attributes["transform"] = f"translate({_number(dx)} {_number(dy)})"
        else:
            attributes |= {"x": light["x"] + dx, "y": light["y"] + dy}
        if light["kind"] == "rect":
            attributes |= {"width": light["width"], "height": light["height"]}
            attributes |= {"rx": light["radius"]} if light.get("radius") else {}
        if "stroke" in light:
            attributes |= {"stroke-width": light["weight"]} if light["weight"] != 1 else {}
            attributes |= {"stroke-dasharray": light["dash"]} if light.get("dash") else {}
        if "opacity" in light:
            attributes["opacity"] = light["opacity"]
        if light["kind"] != "text":
            return f"<{light['kind']}{_written(attributes, classes)}/>"
        attributes |= {"font-size": light["size"], "textLength": light["width"]}
        classes += ["m"] if light.get("mono") else []
        classes += ["b"] if light.get("bold") else []
        return f"<text{_written(attributes, classes)}>{html.escape(light['text'], False)}</text>"

    def _class(self, ink: str, light: Any, dark: Any) -> str:
        if isinstance(light, dict):
            light = dark = self._pattern(light["tile"], dark["tile"])
        key = (ink, light, dark)
        return self._classes.setdefault(key, f"c{len(self._classes)}")

    def _pattern(self, light: list[Shape], dark: list[Shape]) -> str:
        content = "".join(self._element(*both) for both in zip(light, dark, strict=True))
        name = self._patterns.setdefault(content, f"p{len(self._patterns)}")
        return f"url(#{name})"


def _inks(shape: Shape) -> Shape:
    return {ink: shape[ink] for ink in _INKS if ink in shape}


def _number(value: Any) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


def _written(attributes: Mapping[str, Any], classes: Iterable[str]) -> str:
    named = {"class": " ".join(classes), **attributes}
    return "".join(f' {name}="{html.escape(_number(value))}"' for name, value in named.items())
