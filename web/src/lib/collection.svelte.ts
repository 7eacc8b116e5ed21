/** What a screen lists, asked from the depot: it is read at once, and again after each change. */
export class Collection<T> {
  items: T[] = $state.raw([])
  fault = $state('')
  loaded = $state(false)

  constructor(private readonly ask: () => Promise<T[]>) {
    void this.load()
  }

  async load(): Promise<void> {
    try {
      this.items = await this.ask()
      this.fault = ''
    } catch (error) {
      this.fault = (error as Error).message
    }
    this.loaded = true
  }
}
