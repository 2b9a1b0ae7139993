# SPDX-License-Identifier: Apache-2.0
"""What is made of sweeps: speeds at a recall, and a chart of recall against queries per second."""
import math

COLOURS = ("#c0392b", "#e67e22", "#2c3e50", "#2980b9", "#16a085", "#8e44ad", "#7f8c8d", "#27ae60", "#d4ac0d", "#6e2c00")
MISSING = (0.2, 0.001)  # 1 - recall at the left and at the right edge


def frontier(points):
    """The points that no other beats in recall and in speed, by rising recall."""
    best, kept = 0.0, []
    for point in sorted(points, key=lambda p: (-p["recall"], -p["qps"])):
        if point["qps"] > best:
            best = point["qps"]
            kept.append(point)
    return kept[::-1]


def qps_at(points, recall):
    """By linear interpolation between the two points of the frontier around the recall; the speed of the first point
    where all find more; None where none finds as much."""
    points = frontier(points)
    if not points or points[-1]["recall"] < recall:
        return None
    if points[0]["recall"] >= recall:
        return points[0]["qps"]
    for low, high in zip(points, points[1:]):
        if low["recall"] <= recall <= high["recall"]:
            share = (recall - low["recall"]) / (high["recall"] - low["recall"])
            return low["qps"] + share * (high["qps"] - low["qps"])
    return None


def write_chart(series, path, note):
    """`series`: (name, points) of each line, in the order of the legend. Recall on a scale that spreads the last
    percents, queries per second on a logarithmic one."""
    lines = [(name, [p for p in frontier(points) if p["recall"] >= 1 - MISSING[0]]) for name, points in series]
    shown = [p for _, points in lines for p in points]
    if not shown:
        return
    width, height, left, top, right, bottom = 860, 460, 70, 34, 210, 56
    low = 10 ** math.floor(math.log10(min(p["qps"] for p in shown)))
    high = 10 ** math.ceil(math.log10(max(p["qps"] for p in shown)))
    plot_right, plot_bottom = width - right, height - bottom

    def x(recall):
        missing = max(1 - recall, MISSING[1])
        return left + (plot_right - left) * math.log(MISSING[0] / missing) / math.log(MISSING[0] / MISSING[1])

    def y(qps):
        return top + (plot_bottom - top) * (1 - math.log(qps / low) / math.log(high / low))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
           f'font-size="12">', f'<rect width="{width}" height="{height}" fill="white"/>']
    for recall in (0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999):
        out.append(f'<line x1="{x(recall):.1f}" x2="{x(recall):.1f}" y1="{top}" y2="{plot_bottom}" stroke="#ddd"/>'
                   f'<text x="{x(recall):.1f}" y="{plot_bottom + 18}" text-anchor="middle">{recall}</text>')
    step = low
    while step <= high:
        for factor in (1, 2, 5):
            if step * factor <= high:
                at = y(step * factor)
                out.append(f'<line x1="{left}" x2="{plot_right}" y1="{at:.1f}" y2="{at:.1f}" stroke="#eee"/>'
                           f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{step * factor:,.0f}</text>')
        step *= 10
    for number, (name, points) in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        weight = 3 if name.startswith("tarn") else 1.6
        path_points = " ".join(f'{x(p["recall"]):.1f},{y(p["qps"]):.1f}' for p in points)
        out.append(f'<polyline points="{path_points}" fill="none" stroke="{colour}" stroke-width="{weight}"/>')
        out += [f'<circle cx="{x(p["recall"]):.1f}" cy="{y(p["qps"]):.1f}" r="2.5" fill="{colour}"/>' for p in points]
        at = top + 12 + 20 * number
        out.append(f'<line x1="{plot_right + 14}" x2="{plot_right + 34}" y1="{at - 4}" y2="{at - 4}" stroke="{colour}" '
                   f'stroke-width="{weight}"/><text x="{plot_right + 40}" y="{at}" fill="{colour}">{name}</text>')
    out.append(f'<text x="{(left + plot_right) / 2}" y="{height - 16}" text-anchor="middle">recall@10</text>'
               f'<text x="{left}" y="{top - 14}">queries per second, one thread; {note}</text></svg>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")
