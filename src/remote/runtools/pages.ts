/** A list that comes in pages, joined into one. */
import type { Call, Caller } from './call.ts';
import type { DirId } from './ids.ts';
import { decodeList, type Entry, joinEntries, type Listing, WireFault } from './wire.ts';

export async function listPages(caller: Caller, dir: DirId, call: Call): Promise<Listing> {
  const pages: (readonly Entry[])[] = [];
  const cursors = new Set<string>();
  let sentAt: number | undefined;
  let cursor: string | undefined;
  do {
    const path: string =
      cursor === undefined ? call.path : `${call.path}&cursor=${encodeURIComponent(cursor)}`;
    const page = await caller.ask({ ...call, path }, (json, reply) => {
      const decoded = decodeList(json, dir);
      // Joined at once: two rows of one name make the page, not the whole run, fail.
      joinEntries([...pages, decoded.entries]);
      if (decoded.cursor !== undefined && cursors.has(decoded.cursor))
        throw new WireFault('its pages go round in a circle');
      return { ...decoded, sentAt: reply.sentAt };
    });
    pages.push(page.entries);
    sentAt ??= page.sentAt;
    cursor = page.cursor;
    if (cursor !== undefined) cursors.add(cursor);
  } while (cursor !== undefined);
  return { entries: joinEntries(pages), sentAt };
}
