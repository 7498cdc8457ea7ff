/**
 * The chart: for each tree and job a group of bars, everybody's wall time as a multiple of ours, on a logarithmic scale,
 * since some are a hundred times as long. Readable on light and dark pages alike; text is text.
 */
import type { ContestRow, Result } from './table.ts';

const WIDTH = 860;
const LEFT = 190;
const RIGHT = 70;
const BAR = 16;
const GAP = 4;
const HEAD = 64;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .group { font-weight: 600; }
  .faint { fill: #57606a; }
  .line { stroke: #57606a; stroke-dasharray: 3 3; }
  .rtsync { fill: #1a7f37; }
  .floor { fill: #8c959f; }
  .peer { fill: #0969da; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .faint { fill: #9198a1; }
    .line { stroke: #9198a1; }
    .rtsync { fill: #3fb950; }
    .floor { fill: #6e7681; }
    .peer { fill: #4493f8; }
  }`;

export function chart(result: Result): string {
  const groups = groupsOf(result.contests);
  const ratios = groups.flatMap(({ bars }) => bars.map(({ times }) => times));
  const [low, high] = [Math.min(0.5, ...ratios) / 1.2, Math.max(2, ...ratios) * 1.2];
  const at = (times: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(times / low)) / Math.log(high / low);
  const parts: string[] = [];
  let y = HEAD;
  for (const { title, bars } of groups) {
    parts.push(text(12, y + 12, title, 'group'));
    y += BAR + GAP;
    for (const bar of bars) {
      const width = Math.max(1, at(bar.times) - LEFT);
      parts.push(
        text(24, y + 12, bar.who),
        `<rect class="${kindOf(bar.who)}" x="${LEFT}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="2"><title>${escaped(bar.who)}: ${bar.seconds} s</title></rect>`,
        text(LEFT + width + 6, y + 12, `${Number(bar.times.toPrecision(2))} ×`, 'faint'),
      );
      y += BAR + GAP;
    }
    y += 2 * GAP;
  }
  const one = at(1).toFixed(1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 10}" role="img" aria-label="Wall time as a multiple of rtsync's">`,
    `<style>${STYLE}\n</style>`,
    text(12, 24, "Wall time as a multiple of rtsync's (logarithmic; shorter is faster)", 'title'),
    text(
      12,
      44,
      `${result.latencyMs} ms latency for all; medians of alternating runs on one machine`,
      'faint',
    ),
    `<line class="line" x1="${one}" x2="${one}" y1="${HEAD - 8}" y2="${y}"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

interface Group {
  readonly title: string;
  readonly bars: readonly { readonly who: string; readonly seconds: number; readonly times: number }[];
}

/** Jobs that rtsync did; in the order in which they were measured. */
function groupsOf(rows: readonly ContestRow[]): readonly Group[] {
  return rows
    .filter(({ who }) => who === 'rtsync')
    .map((ours) => {
      const bars = rows
        .filter(({ tree, job }) => tree === ours.tree && job === ours.job)
        .map(({ who, seconds }) => ({ who, seconds, times: seconds / ours.seconds }))
        .sort((a, b) => a.times - b.times);
      return { title: `${ours.tree}, ${ours.job}`, bars };
    });
}

function kindOf(who: string): string {
  return who === 'rtsync' || who === 'floor' ? who : 'peer';
}

function text(x: number, y: number, content: string, kind?: string): string {
  const style = kind === undefined ? '' : ` class="${kind}"`;
  return `<text${style} x="${x.toFixed(1)}" y="${y}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
