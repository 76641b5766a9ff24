"""How sums over rows are formed, the same in every executor and for any number of threads.

Rows are taken in blocks of 4,096. Within a block, row r is added to lane r mod 8, each lane starting at 0.0 and adding
its rows in order; the lanes are then joined as ((0 + 1) + (2 + 3)) + ((4 + 5) + (6 + 7)). The sums of the blocks are
joined by a pairwise tree: neighbours are added, then neighbouring sums, and so on; one left over goes up as it is.
"""

from __future__ import annotations

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


def block_sums(results: np.ndarray) -> np.ndarray:
    """The sums over one block: results of shape (rows, outputs) to (outputs,)."""
    whole = len(results) // LANES * LANES
    lanes = results[:whole].reshape(whole // LANES, LANES, results.shape[1]).sum(axis=0) + 0.0
    lanes[:len(results) - whole] += results[whole:]
    return join(lanes)
