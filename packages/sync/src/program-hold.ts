/** What a timer of Node can do; that of a browser is a number, and no program there ends by itself. */
interface Holding {
  ref?(): unknown
  unref?(): unknown
}

/** Whether a program goes on for the sake of a timer, where the platform knows such a thing. @returns the timer. */
export function holdProgram<Timer>(timer: Timer, isHeld: boolean): Timer {
  const holding: Holding = Object(timer)
  if (isHeld) holding.ref?.()
  else holding.unref?.()
  return timer
}
