/** GroupWatermarks: the least watermark of each group of aligned sources, out of what the workers report. Deciding only. */
export interface GroupWatermark {
  readonly group: string;
  readonly watermark: number;
}

export class GroupWatermarks {
  /** By group: the least watermark of each worker. */
  readonly #reported = new Map<string, Map<number, number>>();
  readonly #least = new Map<string, number>();

  /** Returns the groups whose least watermark is another now. */
  report(worker: number, watermarks: readonly GroupWatermark[]): GroupWatermark[] {
    return watermarks.flatMap(({ group, watermark }) => {
      const workers = this.#reported.get(group) ?? new Map<number, number>();
      this.#reported.set(group, workers.set(worker, watermark));
      const least = Math.min(...workers.values());
      if (this.#least.get(group) === least) return [];
      this.#least.set(group, least);
      return [{ group, watermark: least }];
    });
  }
}
