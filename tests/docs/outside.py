"""Whether the links of the documentation to other sites lead somewhere: ``make links``, which needs the internet.

No test does this, because other people's servers decide how it ends.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from tests.conftest import REPOSITORY
from tests.docs.pages import PAGES, links

REFUSES_ROBOTS = (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)
"""The page may be there: a person has to look."""


def trouble(url: str, timeout: float = 20.0) -> str | None:
    """What is wrong with a link, or None."""
    request = Request(url, headers={"User-Agent": "Mozilla/5.0 (link check)"})
    try:
        with urlopen(request, timeout=timeout):
            return None
    except HTTPError as error:
        return "look yourself: it refuses programs" if error.code in REFUSES_ROBOTS else f"{error.code} {error.reason}"
    except (URLError, TimeoutError) as error:
        return str(getattr(error, "reason", error))


def main() -> int:
    """Print every link that has some trouble, with its pages; 1 if there is one."""
    where: dict[str, list[str]] = {}
    for page in PAGES:
        for target in links(REPOSITORY / page):
            if target.startswith("http"):
                where.setdefault(target, []).append(page)
    found = {url: said for url in where if (said := trouble(url))}
    for url, said in found.items():
        print(f"{url} ({', '.join(dict.fromkeys(where[url]))}): {said}")
    print(f"{len(where) - len(found)} of {len(where)} links lead somewhere")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
