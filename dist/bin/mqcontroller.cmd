@echo off
rem That role does not exist yet.
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
echo mqcontroller: FerriteMQ has no controller yet; nothing was started 1>&2
exit /b 1
