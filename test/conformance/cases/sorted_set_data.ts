/** What the cases of sorted sets have in common. */

/** ZADD of members m<from> … with scores that `score` gives, as one line. */
export function add(key: string, count: number, score: (i: number) => number | string = (i) => i): string {
  return `ZADD ${key} ${Array.from({ length: count }, (_, i) => `${score(i)} m${String(i).padStart(4, "0")}`).join(" ")}`;
}

/** Members of every kind of score. */
export const MIXED =
  "ZADD k 1 a 2 b 2 bb 3 c 3.5 d -1 e 0 f inf g -inf h 1e17 i 4503599627370497 j 0.1 l -2.5e-7 m 12 5";
/** Members of one score, to be ranged by their bytes. */
export const LEX = 'ZADD lex 0 a 0 b 0 bb 0 c 0 d 0 10 0 9 0 \'\' 0 "\\x00" 0 "\\xff" 0 aaaaaaaaaaaaaaaaaaaaaaa';

/** What is written from here on is big, or as small as it may be. */
export const BIG = "CONFIG SET zset-max-listpack-entries 0";
export const PACKED = "CONFIG SET zset-max-listpack-entries 128";
