@echo off
rem The operator's tool: mqadmin COMMAND ARGUMENTS; mqadmin help [COMMAND].
setlocal
call "%~dp0ferrite-env.cmd" || exit /b 1
"%FERRITE%" mqadmin %*
