/**
 * What really happened in a simulated world, kept beside it: every content that a person wrote, and which of them a
 * person gave up. rtsync never sees this; the checks are made against it.
 */
export interface Truth {
  /** A content that no one wrote before, of about `size` bytes; equal sizes are common on purpose. */
  fresh(size: number, who: string): Buffer;
  /** A person wrote it to its end. */
  wrote(bytes: Uint8Array): void;
  /** A person has begun to write these bytes; who looks meanwhile sees half of them. */
  began(bytes: Uint8Array): void;
  /** When it came into the world, in the world's milliseconds. */
  since(bytes: Uint8Array): number | undefined;
  /** Milliseconds since it was first heard of. */
  age(bytes: Uint8Array): number | undefined;
  /** A person overwrote or deleted it, knowingly. */
  gaveUp(bytes: Uint8Array | undefined): void;
  /** A person moved it from one place to another, on a side of this name. */
  moved(side: string, bytes: Uint8Array | undefined, from: string, to: string): void;
  /**
   * Whether a person brought it back to where it had stood: to who looks before and after nothing has changed there, so
   * that somebody else's newer version replaces it.
   */
  cameBack(content: string): boolean;
  /** A moment in what people give up, and whether they gave this up after it. */
  moment(): number;
  gaveUpSince(bytes: Uint8Array, moment: number): boolean;
  /** It stood where the API leaves a gap that the README names: nobody can have seen it. */
  inGap(bytes: Uint8Array | undefined, why: string): void;
  /** Nobody can tell it from what stood there before. */
  twin(bytes: Uint8Array): void;
  isTwin(content: string | undefined): boolean;
  /** Nothing, `whole` or `part` of what a person wrote. */
  know(bytes: Uint8Array): 'whole' | 'part' | undefined;
  /** Contents that must be live in the end: written, never given up, never in a gap. */
  owed(): ReadonlyMap<string, string>;
  excused(bytes: Uint8Array): boolean;
  readonly gaps: number;
}

interface Content {
  readonly who: string;
  whole: boolean;
  part: boolean;
  givenUp: boolean;
  givenUpAt?: number;
  gap: boolean;
  readonly since: number;
}

/** Names a content in reports. */
export function labelOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 24)).toString('latin1').replace(/\.+$/, '');
}

export function keyOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Whether one of these is this content. */
export function isHeld(
  holds: Iterable<{ readonly bytes: Uint8Array }>,
  content: Uint8Array | undefined,
): boolean {
  if (content === undefined) return true;
  const key = keyOf(content);
  for (const { bytes } of holds) if (keyOf(bytes) === key) return true;
  return false;
}

/** `now`: milliseconds of the world. */
export function createTruth(now: () => number): Truth {
  const contents = new Map<string, Content>();
  const twins = new Set<string>();
  /** By side and path, what people moved away from there. */
  const stood = new Map<string, Set<string>>();
  const back = new Set<string>();
  let count = 0;
  let moments = 0;
  let gaps = 0;
  const at = (bytes: Uint8Array): Content => {
    const key = keyOf(bytes);
    let found = contents.get(key);
    if (found === undefined) {
      found = { who: '', whole: false, part: false, givenUp: false, gap: false, since: now() };
      contents.set(key, found);
    }
    return found;
  };
  return {
    fresh: (size, who) => {
      count += 1;
      const name = `${who}#${count}`;
      const bytes = Buffer.alloc(Math.max(size, name.length + 1), '.');
      bytes.write(name, 'latin1');
      return bytes;
    },
    wrote: (bytes) => {
      at(bytes).whole = true;
    },
    began: (bytes) => {
      at(bytes).part = true;
    },
    since: (bytes) => {
      const found = contents.get(keyOf(bytes));
      return found?.whole === true || found?.part === true ? found.since : undefined;
    },
    age: (bytes) => {
      const found = contents.get(keyOf(bytes));
      return found === undefined ? undefined : now() - found.since;
    },
    gaveUp: (bytes) => {
      if (bytes === undefined || bytes.length === 0) return;
      moments += 1;
      Object.assign(at(bytes), { givenUp: true, givenUpAt: moments });
    },
    moved: (side, bytes, from, to) => {
      if (bytes === undefined || bytes.length === 0) return;
      const key = keyOf(bytes);
      const old = `${side}:${from}`;
      stood.set(old, (stood.get(old) ?? new Set()).add(key));
      if (stood.get(`${side}:${to}`)?.has(key) === true) back.add(key);
    },
    cameBack: (content) => back.has(content),
    moment: () => moments,
    gaveUpSince: (bytes, moment) => (contents.get(keyOf(bytes))?.givenUpAt ?? -1) > moment,
    inGap: (bytes) => {
      if (bytes === undefined || bytes.length === 0) return;
      const content = at(bytes);
      if (!content.gap) gaps += 1;
      content.gap = true;
    },
    twin: (bytes) => {
      twins.add(keyOf(bytes));
    },
    isTwin: (content) => content !== undefined && twins.has(content),
    know: (bytes) => {
      const found = contents.get(keyOf(bytes));
      if (bytes.length === 0 || found?.whole === true) return 'whole';
      return found?.part === true ? 'part' : undefined;
    },
    owed: () => {
      const owed = new Map<string, string>();
      for (const [key, { whole, givenUp, gap }] of contents)
        if (whole && !givenUp && !gap && key !== '') owed.set(key, labelOf(Buffer.from(key, 'latin1')));
      return owed;
    },
    excused: (bytes) => contents.get(keyOf(bytes))?.gap === true,
    get gaps() {
      return gaps;
    },
  };
}
