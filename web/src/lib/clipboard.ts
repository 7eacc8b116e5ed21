import { notice } from './session.svelte'

/** Puts a text on the clipboard and says so, or why not. */
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    notice.say('Copied')
  } catch {
    notice.say('This browser does not copy here: select the text by hand.', true)
  }
}
