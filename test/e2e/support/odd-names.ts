/** Names as people give them: most are plain, some hold what programs stumble over. */

export interface Names {
  /** A name that nobody else gives. */
  fresh(): string;
  /** One of few names at the top that everybody uses. */
  common(): string;
}

const SHAPES: readonly ((id: string) => string)[] = [
  (id) => `notes ${id}.txt`,
  (id) => `${id}.md`,
  (id) => `${id}`,
  (id) => `Übersicht ${id} é.txt`.normalize('NFC'),
  (id) => `Größe ${id} ñ.txt`.normalize('NFD'),
  (id) => `🎉 party ${id} 👩‍💻.txt`,
  (id) => `it's "quoted" ${id}.txt`,
  (id) => `100%25 of ${id} %2F.txt`,
  (id) => `.hidden ${id}`,
  (id) => `..${id}`,
  (id) => ` leading and trailing ${id} `,
  (id) => `#${id}?a=b&c+d;e.txt`,
  (id) => `back\\slash ${id}`,
  (id) => `[x] {y} (z) ${id} $HOME *.tar.gz`,
  (id) => `日本語 ${id}.テキスト`,
];

const COMMON = ['todo.txt', 'README.md', 'Maße.txt', '.env', 'list'];

export function createNames(place: string, random: () => number): Names {
  let made = 0;
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  return {
    fresh: () => {
      made += 1;
      const shape = random() < 0.5 ? SHAPES[Math.floor(random() * 3)] : one(SHAPES);
      return (shape ?? String)(`${place}${made}`);
    },
    common: () => one(COMMON),
  };
}
