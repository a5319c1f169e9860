// Browsers that come back to an address with a # stay where they are: only a reload asks again, and keeps what is behind it.
const again = () => location.reload();
document.querySelector("a").addEventListener("click", (click) => { click.preventDefault(); again(); });
setTimeout(again, 2000);
