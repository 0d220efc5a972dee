"""Keys of attention with their last two axes swapped, as one transposition."""

from onnx import ModelProto, NodeProto

from edgewright_export.rewriting.graph import GraphView, attribute

FLATTENED = -1


def swap_axes_at_once(model: ModelProto) -> int:
    """Swap the last two axes of a tensor by one transposition.

    With a dynamic batch the exporter flattens all axes before them, transposes, and restores them
    by the tensor's own sizes.

    Returns:
        How many were written so.
    """
    view, changed = GraphView(model.graph), 0
    for node in view.nodes("Reshape"):
        changed += _swap(view, node)
    if changed:
        view.finish()
    return changed


def _swap(view: GraphView, restore: NodeProto) -> bool:
    swap = view.maker(restore.input[0], "Transpose")
    flatten = view.maker(swap.input[0], "Reshape") if swap is not None else None
    if swap is None or flatten is None or attribute(swap, "perm", None) != [0, 2, 1]:
        return False
    source = flatten.input[0]
    rank = len(view.shape(source) or ())
    if rank < 2:
        return False
    *others, rows, columns = range(rank)
    if _sizes(view, flatten.input[1], source, rank) != [FLATTENED, rows, columns]:
        return False
    order = [*others, columns, rows]
    if _sizes(view, restore.input[1], source, rank) != order:
        return False
    before = view.maker(source, "Transpose")
    if before is not None:
        first = attribute(before, "perm", [*range(rank)][::-1])
        source, order = before.input[0], [first[axis] for axis in order]
    view.replace([restore], [view.node("Transpose", [source], restore.output, restore, perm=order)])
    return True


def _sizes(view: GraphView, shape: str, source: str, rank: int) -> list[int]:
    """Return the axes of `source` whose sizes are put together to `shape`, and `FLATTENED`.

    Empty where it is made otherwise, of sizes that are written down, say.
    """
    concat = view.maker(shape, "Concat")
    found: list[int] = []
    for name in concat.input if concat is not None else ():
        constant = view.constant(name)
        axes = _sliced_axes(view, name, source, rank) if constant is None else constant.tolist()
        if not axes or (constant is not None and axes != [FLATTENED]):
            return []
        found += axes
    return found


def _sliced_axes(view: GraphView, name: str, source: str, rank: int) -> list[int]:
    """Return the axes of `source` whose sizes are in `name`; empty where it has something else."""
    piece = view.maker(name, "Slice")
    sizes = view.maker(piece.input[0], "Shape") if piece is not None else None
    if piece is None or sizes is None or sizes.input[0] != source:
        return []
    whole = attribute(sizes, "start", 0) == 0 and attribute(sizes, "end", None) is None
    start, end = view.scalar(piece.input[1]), view.scalar(piece.input[2])
    if not whole or start is None or end is None or len(piece.input) > 3:
        return []
    return list(range(rank)[int(start) : int(end)])
