// Values under the pointer, read from the lines as they are drawn.
for (const svg of document.querySelectorAll('svg[data-unit]')) {
  const at = svg.dataset, figure = svg.parentElement;
  const [left, right, top, bottom] = [at.left, at.right, at.top, at.bottom].map(Number);
  const [x, low, high] = [at.x, at.low, at.high].map(Number);
  const show = (value, digits) => {
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e15)) return value.toExponential(2);
    for (const [unit, name] of [[1e12, ' T'], [1e9, ' G'], [1e6, ' M']]) {
      if (size >= unit) return (value / unit).toPrecision(4) + name;
    }
    return size >= 1e4 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(digits)));
  };
  let lines, hair, tip;
  const read = () => [...svg.querySelectorAll('.line')].map(line => ({
    label: line.dataset.label,
    colour: line.classList[2],
    style: line.classList[1],
    points: [...line.querySelectorAll('polyline, circle')].flatMap(shape => shape.tagName === 'circle'
      ? [[Number(shape.getAttribute('cx')), Number(shape.getAttribute('cy'))]]
      : shape.getAttribute('points').split(' ').map(pair => pair.split(',').map(Number))),
  }));
  const leave = () => { hair?.remove(); tip?.remove(); hair = tip = undefined; };
  svg.addEventListener('pointerleave', leave);
  svg.addEventListener('pointermove', event => {
    lines ??= read();
    const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
    const pointer = (event.clientX - box.left) * scale;
    if (pointer < left - 4 || pointer > right + 4) return leave();
    const near = points => points.reduce((a, b) => Math.abs(b[0] - pointer) < Math.abs(a[0] - pointer) ? b : a);
    const found = lines.map(line => ({ ...line, point: near(line.points) }))
      .filter(line => line.style !== 'raw' || !document.body.classList.contains('compare'))
      .filter(line => line.style === 'marked' || Math.abs(line.point[0] - pointer) < 30);
    if (!found.length) return leave();
    if (!hair) {
      hair = svg.querySelector('.axis').cloneNode();
      hair.setAttribute('class', 'hair');
      hair.setAttribute('y1', top);
      hair.setAttribute('y2', bottom);
      svg.append(hair);
      tip = document.createElement('div');
      tip.className = 'tip';
      figure.append(tip);
    }
    const main = found.find(line => line.style !== 'marked') ?? found[0];
    hair.setAttribute('x1', main.point[0]);
    hair.setAttribute('x2', main.point[0]);
    tip.replaceChildren(...[
      [`${show((main.point[0] - left) / (right - left) * x, 4)} ${at.unit.replace(/.*\((.*)\)/, '$1')}`],
      ...found.map(line => [line.label, show(low + (bottom - line.point[1]) / (bottom - top) * (high - low), 4), line]),
    ].map(([label, value, line]) => {
      const row = document.createElement('div');
      if (line) {
        const key = document.createElement('i');
        key.className = `key ${line.colour} ${line.style}`;
        row.append(key);
      }
      row.append(label);
      if (value) {
        const number = document.createElement('b');
        number.textContent = value;
        row.append(number);
      }
      return row;
    }));
    const frame = figure.getBoundingClientRect(), spot = box.left - frame.left + main.point[0] / scale;
    tip.style.top = `${box.top - frame.top + 16}px`;
    tip.style.left = spot > frame.width / 2 ? `${spot - tip.offsetWidth - 14}px` : `${spot + 14}px`;
  });
}
