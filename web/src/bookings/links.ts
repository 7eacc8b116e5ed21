/** A tracking link of a booking, without its secret. */
export interface Link {
  id: string
  language?: string
  created_by: string
  created_at: string
  expires_at?: string
  expired: boolean
}
/** One that was just made: its address is told this once. */
export interface NewLink extends Link {
  url: string
}

/** What a link's page is written in, by their own names; without one it is as the reader's browser asks. */
export const LANGUAGES: Record<string, string> = { en: 'English', de: 'Deutsch', es: 'Español', fr: 'Français', pt: 'Português', ca: 'Català' }

/** For how many days a link may live whatever becomes of its booking; without a number until a day after the booking's end. */
export const DAYS = [1, 7, 30]
