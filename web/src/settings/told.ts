import { Told } from '../lib/told.svelte'

/** What this browser shows while the console is closed. */
export const told = new Told('/push-sw.js', '/')
