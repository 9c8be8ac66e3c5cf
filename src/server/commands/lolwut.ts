/**
 * LOLWUT [VERSION version [columns [rows]]]: a fire that goes out differently each time, and the version.
 *
 * A grid of heat: the lowest row burns, and each cell above takes the heat of one below it, beside it or next to that, less a little. Version 5
 * draws it in dots (braille, eight a character), version 6 in colours of the terminal.
 */
import { type Random, uniform } from "../../base/random.ts";
import { VERSION } from "../../base/version.ts";
import type { Call } from "../../command/call.ts";
import { argument, type CommandDefinition } from "../../command/definition.ts";
import { NOT_AN_INTEGER } from "../../command/messages.ts";
import { REDIS_VERSION } from "./hello.ts";

const HEAT_MAX = 36;
const COLUMNS_MAX = 200;
const ROWS_MAX = 100;
/** Bits of a braille character by row and column of its dots. */
const DOTS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
/** Colours of the terminal from cold to hot. */
const COLOURS = ["0;30;40", "0;31;41", "0;91;101", "0;33;43", "0;93;103", "0;97;107"];

export const lolwut: CommandDefinition = {
  name: "LOLWUT",
  group: "server",
  since: "5.0.0",
  summary: "Displays computer art and the server version",
  arity: -1,
  flags: ["readonly", "fast"],
  args: [argument("version", "integer", { token: "VERSION", optional: true })],
  run: draw,
};

function draw(call: Call): void {
  let version = 5;
  const sizes: number[] = [];
  if (call.argc > 2 && call.is(1, "VERSION")) {
    for (let i = 2; i < call.argc; i++) {
      const number = call.integer64(i);
      if (number === undefined) return call.reply.error(NOT_AN_INTEGER);
      if (i === 2) version = Number(number);
      else sizes.push(Number(number));
    }
  }
  const columns = clamp(sizes[0] ?? 66, COLUMNS_MAX);
  const rows = clamp(sizes[1] ?? (version === 6 ? 20 : 16), ROWS_MAX);
  const art =
    version === 6
      ? coloured(burn(columns, rows, call.random), columns, rows)
      : dotted(burn(columns * 2, rows * 4, call.random), columns, rows);
  const text = `${art}\nEmbers. Redis ver. ${REDIS_VERSION}, Emberlog ver. ${VERSION}\n`;
  call.reply.verbatim(Buffer.from(text, "utf8").toString("latin1"));
}

function clamp(size: number, max: number): number {
  return Math.min(max, Math.max(1, size));
}

/** Heat by cell, 0 … HEAT_MAX, row after row from the top. */
function burn(columns: number, rows: number, random: Random): Uint8Array {
  const heat = new Uint8Array(columns * rows);
  heat.fill(HEAT_MAX, (rows - 1) * columns);
  // What is lost a row, so that the fire is as high as the picture whatever its size.
  const loss = Math.max(1, Math.round((2 * HEAT_MAX) / rows));
  for (let row = rows - 2; row >= 0; row--) {
    for (let column = 0; column < columns; column++) {
      const draw = uniform(random, 3 * (loss + 1));
      const from = Math.min(columns - 1, Math.max(0, column + (draw % 3) - 1));
      heat[row * columns + column] = Math.max(0, heat[(row + 1) * columns + from]! - Math.floor(draw / 3));
    }
  }
  return heat;
}

/** A dot for each cell that is hotter than its neighbours let expect: the fire's texture. */
function dotted(heat: Uint8Array, columns: number, rows: number): string {
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    let line = "";
    for (let column = 0; column < columns; column++) {
      let bits = 0;
      DOTS.forEach((pair, down) => {
        pair.forEach((bit, right) => {
          const value = heat[(row * 4 + down) * columns * 2 + column * 2 + right]!;
          if (value > HEAT_MAX / 2 || (value > 0 && (value + right + down) % 3 === 0)) bits |= bit;
        });
      });
      line += String.fromCharCode(0x2800 + bits);
    }
    lines.push(`${line}\n`);
  }
  return lines.join("");
}

function coloured(heat: Uint8Array, columns: number, rows: number): string {
  const lines: string[] = [];
  for (let row = 0; row < rows; row++) {
    let line = "";
    for (let column = 0; column < columns; column++) {
      const value = heat[row * columns + column]!;
      line += `\x1b[${COLOURS[Math.ceil((value * (COLOURS.length - 1)) / HEAT_MAX)]}m \x1b[0m`;
    }
    lines.push(`${line}\n`);
  }
  return lines.join("");
}
