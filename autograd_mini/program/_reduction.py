"""How sums over rows are formed, the same in every executor and for any number of threads.

Rows are taken in blocks of 4,096. Within a block, row r is added to lane r mod 8, each lane starting at 0.0 and adding
its rows in order; the lanes are then joined as ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). The sums of the blocks are
joined by a pairwise tree: neighbours are added, then neighbouring sums, and so on; one left over goes up as it is.

So the tree is one for all who add: whoever has the sums of blocks 4 to 7 has its node over them, and nodes can be
joined wherever they meet, in any order of arrival, with the bits of a single pass. `Tree` is that.
"""

from __future__ import annotations

from typing import Union

import numpy as np

BLOCK = 4096
LANES = 8


def blocks(rows: int) -> int:
    """How many blocks that many rows make."""
    return -(-rows // BLOCK)


def join(sums: np.ndarray) -> np.ndarray:
    """The pairwise tree over the first axis: sums of blocks, or lanes of one."""
    if not len(sums):
        return np.zeros(sums.shape[1:])
    while len(sums) > 1:
        paired = sums[0:len(sums) - 1:2] + sums[1::2]
        sums = np.concatenate([paired, sums[-1:]]) if len(sums) % 2 else paired
    return sums[0]


class Tree:
    """The nodes of the tree that are known: node (level, i) sums 2**level blocks from number i * 2**level on.

    >>> left, right = Tree(), Tree()
    >>> left.add(0, np.array([[1.0], [2.0], [3.0]]))
    >>> right.add(3, np.array([[4.0], [5.0]]))
    >>> right.merge(left)
    >>> sorted(right.nodes), right.total()
    ([(0, 4), (2, 0)], array([15.]))
    """

    def __init__(self) -> None:
        self.nodes: dict[tuple[int, int], np.ndarray] = {}

    def add(self, first: int, sums: np.ndarray, level: int = 0) -> None:
        """Take in the sums of some blocks from number `first` on, an array of shape (blocks, outputs)."""
        while len(sums):
            if first % 2:
                self._put(level, first, sums[0])
                first, sums = first + 1, sums[1:]
            if len(sums) % 2:
                self._put(level, first + len(sums) - 1, sums[-1])
                sums = sums[:-1]
            first, sums, level = first // 2, sums[::2] + sums[1::2], level + 1

    def merge(self, other: Tree) -> None:
        """Take in what another one knows."""
        for (level, place), node in other.nodes.items():
            self._put(level, place, node)

    def _put(self, level: int, place: int, node: np.ndarray) -> None:
        while (level, place ^ 1) in self.nodes:
            sibling = self.nodes.pop((level, place ^ 1))
            node = sibling + node if place % 2 else node + sibling
            level, place = level + 1, place // 2
        self.nodes[level, place] = node

    def total(self) -> Union[np.ndarray, float]:
        """The sum of all blocks, once all are there; 0 for none. Raises ValueError where some are missing."""
        found: Union[np.ndarray, float] = 0.0
        after = None
        for (level, place), node in sorted(self.nodes.items(), key=lambda entry: -entry[0][1] << entry[0][0]):
            if after not in (None, (place + 1) << level):
                raise ValueError(f"blocks are missing before number {after}")
            found = node if after is None else node + found
            after = place << level
        if after:
            raise ValueError("blocks are missing at the beginning")
        return found


def block_sums(results: np.ndarray) -> np.ndarray:
    """The sums over one block: results of shape (rows, outputs) to (outputs,)."""
    whole = len(results) // LANES * LANES
    lanes = results[:whole].reshape(whole // LANES, LANES, results.shape[1]).sum(axis=0) + 0.0
    lanes[:len(results) - whole] += results[whole:]
    return join(lanes)
