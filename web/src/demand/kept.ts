/** The last answers by what was asked; each goes when it is too old, and the one used longest ago when there are too many. */
export class Kept<T> {
  private readonly all = new Map<string, { value: T; at: number }>()

  constructor(
    private readonly most: number,
    /** In ms. */
    private readonly age: number,
  ) {}

  get(key: string, now: number): T | undefined {
    const found = this.all.get(key)
    this.all.delete(key)
    if (!found || now - found.at >= this.age) return undefined
    this.all.set(key, found)
    return found.value
  }

  put(key: string, value: T, now: number): void {
    this.all.delete(key)
    this.all.set(key, { value, at: now })
    const [oldest] = this.all.keys()
    if (this.all.size > this.most && oldest !== undefined) this.all.delete(oldest)
  }

  clear(): void {
    this.all.clear()
  }
}
