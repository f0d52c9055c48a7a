// Runs before the first paint, so that no page flashes in the other colours.
;(function () {
  var chosen = null
  try {
    chosen = localStorage.getItem('etlportal.theme')
  } catch (_) {
    // Storage may be forbidden; the system's scheme serves then.
  }
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.classList.add(dark ? 'dark' : 'light')
})()
