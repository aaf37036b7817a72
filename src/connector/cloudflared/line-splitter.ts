// Text arriving in pieces, cut into lines of bounded length. Pure.

/** Takes pieces, gives the lines they complete. */
export interface LineSplitter {
  push(piece: string): readonly string[];
  /** What is left without a line end, if anything. */
  end(): readonly string[];
}

/** Lines longer than `maxLength` characters are cut there and the rest of them is dropped, so a stream without line ends cannot fill memory. */
export function createLineSplitter(maxLength: number): LineSplitter {
  let pending = '';
  let isOpen = false;
  function append(text: string): void {
    if (pending.length < maxLength) pending += text.slice(0, maxLength - pending.length);
    isOpen ||= text.length > 0;
  }
  function take(): string {
    const line = pending.endsWith('\r') ? pending.slice(0, -1) : pending;
    pending = '';
    isOpen = false;
    return line;
  }
  return {
    push(piece) {
      const lines: string[] = [];
      const parts = piece.split('\n');
      const last = parts.pop() ?? '';
      for (const part of parts) {
        append(part);
        lines.push(take());
      }
      append(last);
      return lines;
    },
    end: () => (isOpen ? [take()] : []),
  };
}
