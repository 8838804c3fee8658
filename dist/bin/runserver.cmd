@echo off
rem Becomes the server whose Java class is named; JAVA_OPT has no effect.
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
"%FERRITE%" %*
