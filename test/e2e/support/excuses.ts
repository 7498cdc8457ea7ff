/** The two moments in which no client can know better, read off the server's log of requests. */
import type { RequestEntry } from '../../../src/serve/log.ts';
import { composed } from './ledger.ts';

/** A look, a copy to the trash and an upload, on a busy machine. */
const MEETING_MS = 400;
const LOST_ANSWER_MS = 10_000;

type Asked = Pick<RequestEntry, 'at' | 'label' | 'path' | 'key' | 'fault'>;

/**
 * Whether two machines uploaded to one of these names, composed, so close together that neither could see the other.
 * `since`: epoch milliseconds of the content in question.
 */
export function haveMet(requests: readonly Asked[], paths: ReadonlySet<string>, since: number): boolean {
  const last = new Map<string, Asked>();
  return uploadsOf(requests).some((one) => {
    const path = composed(one.path.slice(1));
    if (one.at < since || !paths.has(path)) return false;
    const before = last.get(path);
    last.set(path, one);
    return before !== undefined && before.key !== one.key && one.at - before.at < MEETING_MS;
  });
}

/** Whether an upload to one of these names was done around this moment, and its answer lost. */
export function answerWasLost(
  requests: readonly Asked[],
  paths: ReadonlySet<string>,
  around: number,
): boolean {
  return uploadsOf(requests).some(
    ({ at, path, fault }) =>
      fault === 'lost-answer' &&
      Math.abs(at - around) <= LOST_ANSWER_MS &&
      paths.has(composed(path.slice(1))),
  );
}

function uploadsOf(requests: readonly Asked[]): readonly Asked[] {
  return requests.filter(({ label }) => label === 'upload').sort((a, b) => a.at - b.at);
}
