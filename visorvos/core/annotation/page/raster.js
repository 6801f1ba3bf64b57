// Brush strokes, polygons and fills on whole pixels, without anti-aliasing. Knows arrays only, no canvas.

/** Writes spans of pixels into `ids`. `allowed[id]` is 1 where a pixel of that id may be replaced.
 *  `changed` is the rectangle of all spans so far: {left, top, right, bottom}, the last two excluded. */
export function makePainter(ids, width, height, value, allowed) {
  const changed = { left: width, top: height, right: 0, bottom: 0 };
  function span(y, first, last) {
    if (y < 0 || y >= height) return;
    const left = Math.max(0, first), right = Math.min(width - 1, last);
    if (left > right) return;
    const end = y * width + right;
    for (let i = y * width + left; i <= end; i++) if (allowed[ids[i]]) ids[i] = value;
    if (left < changed.left) changed.left = left;
    if (right >= changed.right) changed.right = right + 1;
    if (y < changed.top) changed.top = y;
    if (y >= changed.bottom) changed.bottom = y + 1;
  }
  return { span, changed, width, height };
}

/** The rows of a disc `size` pixels across, as [dy, first dx, last dx]. Even sizes lie half a pixel right and down. */
export function makeDisc(size) {
  const even = 1 - (size % 2);
  const low = -Math.floor((size - 1) / 2), high = Math.floor(size / 2);
  const rows = [];
  for (let dy = low; dy <= high; dy++) {
    const inside = (dx) => (2 * dx - even) ** 2 + (2 * dy - even) ** 2 <= size * size;
    let first = low, last = high;
    while (first <= last && !inside(first)) first++;
    while (last >= first && !inside(last)) last--;
    if (first <= last) rows.push([dy, first, last]);
  }
  return rows;
}

/** Calls `visit(x, y)` for the pixels of a line, both ends included (Bresenham). */
export function walkLine(x0, y0, x1, y1, visit) {
  const dx = Math.abs(x1 - x0), dy = -Math.abs(y1 - y0);
  const sx = x0 < x1 ? 1 : -1, sy = y0 < y1 ? 1 : -1;
  let error = dx + dy;
  for (;;) {
    visit(x0, y0);
    if (x0 === x1 && y0 === y1) return;
    const twice = 2 * error;
    if (twice >= dy) { error += dy; x0 += sx; }
    if (twice <= dx) { error += dx; y0 += sy; }
  }
}

/** Paints a disc at each pixel of a line. Each row is written once: the discs of one row overlap. */
export function paintLine(painter, disc, x0, y0, x1, y1) {
  const rows = new Map();
  walkLine(x0, y0, x1, y1, (x, y) => {
    for (const [dy, first, last] of disc) {
      const row = rows.get(y + dy);
      if (row === undefined) rows.set(y + dy, [x + first, x + last]);
      else {
        if (x + first < row[0]) row[0] = x + first;
        if (x + last > row[1]) row[1] = x + last;
      }
    }
  });
  for (const [y, [first, last]] of rows) painter.span(y, first, last);
}

/** Paints a polygon of whole pixels: all whose center lies inside (even-odd rule), and its outline. */
export function paintPolygon(painter, points) {
  const ys = points.map((point) => point[1]);
  const top = Math.max(0, Math.min(...ys)), bottom = Math.min(painter.height - 1, Math.max(...ys));
  for (let y = top; y <= bottom; y++) {
    const crossings = [];
    points.forEach(([ax, ay], index) => {
      const [bx, by] = points[(index + 1) % points.length];
      if ((ay <= y) !== (by <= y)) crossings.push(ax + ((y - ay) * (bx - ax)) / (by - ay));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) painter.span(y, Math.ceil(crossings[i]), Math.floor(crossings[i + 1]));
  }
  points.forEach(([ax, ay], index) => {
    const [bx, by] = points[(index + 1) % points.length];
    walkLine(ax, ay, bx, by, (x, y) => painter.span(y, x, x));
  });
}

/** Fills the region of one id around a pixel (4-connected) through the painter, which must replace just that id. */
export function paintRegion(painter, ids, x, y) {
  const { width, height } = painter;
  const old = ids[y * width + x];
  const queue = [[x, y]];
  while (queue.length) {
    const [px, py] = queue.pop();
    const row = py * width;
    if (ids[row + px] !== old) continue;
    let left = px, right = px;
    while (left > 0 && ids[row + left - 1] === old) left--;
    while (right < width - 1 && ids[row + right + 1] === old) right++;
    painter.span(py, left, right);
    if (ids[row + px] === old) return; // the painter may not replace this id
    for (const ny of [py - 1, py + 1]) {
      if (ny < 0 || ny >= height) continue;
      for (let nx = left; nx <= right; nx++) {
        if (ids[ny * width + nx] === old && (nx === left || ids[ny * width + nx - 1] !== old)) queue.push([nx, ny]);
      }
    }
  }
}
