/* data-fill-login: a demo account fills the sign-in form. Without script the link fills the name. */
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element && event.target.closest("[data-fill-login]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  document.getElementById("login_name").value = link.dataset.fillLogin;
  document.getElementById("password").value = link.dataset.fillPassword;
  for (const other of document.querySelectorAll("[data-fill-login]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  const button = document.querySelector("form[method=post] button[type=submit]");
  button.scrollIntoView({ block: "center" });
  button.focus();
});
